import { describe, expect, it } from 'vitest'

import { filesOf, readJson } from './files.ts'

const FETCHED = { uri: 'file:///etc/docker.tar.gz', extract: true, executable: false, cache: false }

describe('the applications for Marathon', () => {
  it.each(filesOf('marathon/*.json').filter((file) => !file.endsWith('-policy.json')))(
    '%s says what every application has to',
    (file) => {
      expect(readJson(file)).toMatchObject({
        id: expect.stringMatching(/^\/[a-z0-9-]+$/) as string,
        cpus: expect.any(Number) as number,
        mem: expect.any(Number) as number,
        instances: expect.any(Number) as number,
        container: { type: 'DOCKER', docker: { image: expect.any(String) as string } },
      })
    },
  )

  it('install on agents of both roles, one at a time, once they are scaled up', () => {
    expect(readJson('deploy/marathon/aws-ecr-helper.json')).toMatchObject({
      id: '/aws-ecr-helper',
      cpus: 1,
      mem: 256,
      instances: 0,
      acceptedResourceRoles: ['*', 'slave_public'],
      constraints: [['hostname', 'UNIQUE']],
      container: {
        docker: { network: 'HOST' },
        volumes: [
          { hostPath: '/etc', containerPath: '/host/etc', mode: 'RW' },
          {
            hostPath: '/opt/mesosphere/bin',
            containerPath: '/host/opt/mesosphere/bin',
            mode: 'RW',
          },
        ],
      },
      portDefinitions: [{ port: 10000, protocol: 'tcp' }],
    })
  })

  it('pull with the archive that was installed', () => {
    expect(readJson('deploy/marathon/marathon-nginx-example.json')).toMatchObject({
      id: '/marathon-nginx-example',
      acceptedResourceRoles: ['slave_public'],
      container: {
        docker: {
          network: 'BRIDGE',
          forcePullImage: true,
          portMappings: [{ containerPort: 80, hostPort: 80 }],
        },
      },
      uris: [FETCHED.uri],
      fetch: [FETCHED],
    })
    expect(readJson('deploy/marathon/ecr-cname.json')).toMatchObject({ fetch: [FETCHED] })
  })
})
