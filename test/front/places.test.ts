import { describe, expect, it } from 'vitest'
import { awsFiles, configFiles, homeFolder, storeFolder } from '../../src/front/places.ts'

describe('the store', () => {
  it.each([
    [{ ECR_CNAME_HOME: '/own', XDG_CACHE_HOME: '/cache', HOME: '/home' }, '/own'],
    [{ ECR_CNAME_HOME: 'own' }, 'own'],
    [{ ECR_CNAME_HOME: '', XDG_CACHE_HOME: '/cache', HOME: '/home' }, '/cache/ecr-cname'],
    [{ XDG_CACHE_HOME: 'cache', HOME: '/home' }, '/home/.cache/ecr-cname'],
    [{ XDG_CACHE_HOME: '', HOME: '/home' }, '/home/.cache/ecr-cname'],
    [{ USERPROFILE: 'C:\\Users\\me' }, 'C:\\Users\\me/.cache/ecr-cname'],
    [{ HOME: 'home' }, '/var/lib/ecr-cname'],
    [{ HOME: '' }, '/var/lib/ecr-cname'],
    [{}, '/var/lib/ecr-cname'],
  ])('for %j is %s', (env, folder) => {
    expect(storeFolder(env)).toBe(folder)
  })
})

describe('the home', () => {
  it.each([
    [{ HOME: '/home', USERPROFILE: '/profile' }, '/home'],
    [{ HOME: 'home', USERPROFILE: '/profile' }, '/profile'],
    [{ HOME: '' }, ''],
    [{}, ''],
  ])('for %j is %j', (env, folder) => {
    expect(homeFolder(env)).toBe(folder)
  })
})

describe('the configuration', () => {
  const system = '/etc/ecr-cname/config.json'

  it.each([
    [{ ECR_CNAME_CONFIG: 'own.json', HOME: '/home' }, ['own.json']],
    [{ XDG_CONFIG_HOME: '/config', HOME: '/home' }, [system, '/config/ecr-cname/config.json']],
    [{ XDG_CONFIG_HOME: 'config', HOME: '/home' }, [system, '/home/.config/ecr-cname/config.json']],
    [{ HOME: '/home' }, [system, '/home/.config/ecr-cname/config.json']],
    [{}, [system]],
  ])('for %j is in %j', (env, files) => {
    expect(configFiles(env)).toEqual(files)
  })
})

describe("AWS' files", () => {
  it.each([
    [{ HOME: '/home' }, ['/home/.aws/credentials', '/home/.aws/config']],
    [{ HOME: 'home' }, ['home/.aws/credentials', 'home/.aws/config']],
    [{ HOME: '/home', AWS_CONFIG_FILE: '/c' }, ['/home/.aws/credentials', '/c']],
    [{ HOME: '/home', AWS_SHARED_CREDENTIALS_FILE: '/k' }, ['/k', '/home/.aws/config']],
    [{ AWS_SHARED_CREDENTIALS_FILE: '/k', AWS_CONFIG_FILE: '/c' }, ['/k', '/c']],
    [{ AWS_SHARED_CREDENTIALS_FILE: '/k' }, []],
    [{ AWS_CONFIG_FILE: '/c' }, []],
    [{}, []],
  ])('for %j are %j', (env, files) => {
    expect(awsFiles(env)).toEqual(files)
  })
})
