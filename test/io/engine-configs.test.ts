import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  containersHelperPlace,
  dockerHelperPlace,
  helmHelperPlace,
} from '../../src/io/engine-configs.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeTree } from '../support/user.ts'

const HOST = 'docker.company.test'
const NAMED = JSON.stringify({ credHelpers: { [HOST]: 'ecr-cname' } })
// Under the name as older engines wrote it.
const LOGGED_IN = JSON.stringify({ auths: { [`https://${HOST}/v1/`]: { auth: 'QVdTOm9sZA==' } } })

function someone(files: Readonly<Record<string, string>>) {
  const home = temporaryFolder()
  writeTree(home, files)
  return { home, env: { HOME: home, XDG_RUNTIME_DIR: join(home, 'run') } }
}

describe('the place that names our helper', () => {
  it('is none where docker asks another helper for the host', () => {
    const config = { credsStore: 'ecr-cname', credHelpers: { [HOST]: 'pass' } }
    const { env } = someone({ '.docker/config.json': JSON.stringify(config) })

    expect(dockerHelperPlace(HOST, env)).toBeUndefined()
    expect(dockerHelperPlace('other.test', env)).toContain('credsStore in ')
  })

  it('is looked for in DOCKER_CONFIG', () => {
    const { env, home } = someone({ 'own/config.json': NAMED })

    expect(dockerHelperPlace(HOST, { ...env, DOCKER_CONFIG: join(home, 'own') })).toContain(
      'own/config.json',
    )
  })

  it('is none in a file that is broken or no object', () => {
    for (const text of ['{', 'null', '[]', '{"credHelpers":"ecr-cname"}']) {
      expect(dockerHelperPlace(HOST, someone({ '.docker/config.json': text }).env)).toBeUndefined()
    }
  })

  it("may be docker's for helm", () => {
    const { env } = someone({ '.docker/config.json': NAMED })

    expect(helmHelperPlace(HOST, env)).toContain('.docker/config.json')
  })

  it("is not docker's for helm where helm keeps a login of its own, which it prefers", () => {
    const { env } = someone({
      '.docker/config.json': NAMED,
      '.config/helm/registry/config.json': LOGGED_IN,
    })

    expect(helmHelperPlace(HOST, env)).toBeUndefined()
  })

  it('is not behind a login for podman, which takes what it finds first', () => {
    const { env } = someone({ '.docker/config.json': NAMED, 'run/containers/auth.json': LOGGED_IN })

    expect(containersHelperPlace(HOST, env)).toBeUndefined()
  })

  it('is before the logins of the same file, and of those behind it', () => {
    const both = JSON.stringify({ ...JSON.parse(NAMED), ...JSON.parse(LOGGED_IN) })
    const { env } = someone({ '.docker/config.json': LOGGED_IN, 'run/containers/auth.json': both })

    expect(containersHelperPlace(HOST, env)).toContain('run/containers/auth.json')
  })

  it('is in registries.conf unless a login in a file comes first', () => {
    const conf = '.config/containers/registries.conf'
    const place = (helpers: string) =>
      containersHelperPlace(
        HOST,
        someone({ [conf]: `credential-helpers = ${helpers}\n`, '.docker/config.json': LOGGED_IN })
          .env,
      )

    expect(place('["ecr-cname", "containers-auth.json"]')).toContain(conf)
    expect(place('["containers-auth.json", "ecr-cname"]')).toBeUndefined()
  })

  it('counts no login that is empty, as docker leaves one where a helper keeps it', () => {
    const { env } = someone({
      '.docker/config.json': NAMED,
      'run/containers/auth.json': JSON.stringify({ auths: { [HOST]: {} } }),
    })

    expect(containersHelperPlace(HOST, env)).toContain('.docker/config.json')
  })

  it.each(['run/containers/auth.json', '.config/containers/auth.json', '.docker/config.json'])(
    'is found in %s for podman',
    (file) => {
      expect(containersHelperPlace(HOST, someone({ [file]: NAMED }).env)).toContain(file)
    },
  )

  it('is in no other file than REGISTRY_AUTH_FILE where that is set', () => {
    const { env, home } = someone({ '.docker/config.json': NAMED, 'own.json': '{}' })

    expect(
      containersHelperPlace(HOST, { ...env, REGISTRY_AUTH_FILE: join(home, 'own.json') }),
    ).toBeUndefined()
  })

  it('is in no file where registries.conf asks other helpers alone', () => {
    const conf = 'credential-helpers = ["pass"]\n'
    const { env } = someone({
      '.docker/config.json': NAMED,
      '.config/containers/registries.conf': conf,
    })

    expect(containersHelperPlace(HOST, env)).toBeUndefined()
  })

  it('is in the drop-in of registries.conf that has the last word', () => {
    const { env } = someone({
      '.config/containers/registries.conf': 'credential-helpers = ["pass"]\n',
      '.config/containers/registries.conf.d/50-a.conf': 'credential-helpers = ["ecr-cname"]\n',
      '.config/containers/registries.conf.d/90-b.conf': 'short-name-mode = "enforcing"\n',
    })

    expect(containersHelperPlace(HOST, env)).toContain('credential-helpers in ')
    expect(containersHelperPlace(HOST, env)).toContain('50-a.conf')
  })
})
