/** What DC/OS is given: Marathon applications, and the IAM policy of the agents' role. */

import type { Mapping } from '../domain/mapping.ts'

export type Marathon = {
  /** The image of this program. */
  readonly image: string
  readonly mappings: readonly Mapping[]
}

/** The files by name. */
export function marathonFiles(marathon: Marathon): Readonly<Record<string, unknown>> {
  return {
    'ecr-helper.json': installer(marathon),
    'nginx-example.json': example(marathon),
    'agent-policy.json': policy(),
  }
}

// Lays the helper and the archive on an agent, and ends; Marathon starts it anew until it is scaled
// back to 0, and then it finds all in place.
function installer({ image, mappings }: Marathon) {
  const map = mappings.map(({ name, registry }) => `${name}=${registry.host}`).join(',')
  const folders = ['/etc', '/opt/mesosphere/bin']
  return {
    id: '/aws-ecr-helper',
    instances: 0,
    cpus: 1,
    mem: 256,
    args: ['setup', 'dcos', '--root', '/host', '--yes'],
    ...(map !== '' && { env: { ECR_CNAME_MAP: map } }),
    acceptedResourceRoles: ['*', 'slave_public'],
    constraints: [['hostname', 'UNIQUE']],
    container: {
      type: 'DOCKER',
      docker: { image, network: 'HOST', forcePullImage: false, privileged: false },
      volumes: folders.map((hostPath) => ({
        hostPath,
        containerPath: `/host${hostPath}`,
        mode: 'RW',
      })),
    },
    portDefinitions: [{ port: 10000, protocol: 'tcp' }],
    requirePorts: false,
  }
}

function example({ mappings }: Marathon) {
  const host = mappings[0]?.name ?? '123456789012.dkr.ecr.us-east-1.amazonaws.com'
  const uri = 'file:///etc/docker.tar.gz'
  return {
    id: '/marathon-nginx-example',
    instances: 1,
    cpus: 0.5,
    mem: 64,
    acceptedResourceRoles: ['slave_public'],
    uris: [uri],
    fetch: [{ uri, extract: true, executable: false, cache: false }],
    container: {
      type: 'DOCKER',
      docker: {
        image: `${host}/nginx:latest`,
        network: 'BRIDGE',
        forcePullImage: true,
        portMappings: [
          {
            containerPort: 80,
            hostPort: 80,
            protocol: 'tcp',
            labels: { VIP_0: '/marathon-nginx-example:80' },
          },
        ],
      },
    },
    requirePorts: true,
  }
}

function policy() {
  const reading = [
    'BatchCheckLayerAvailability',
    'GetDownloadUrlForLayer',
    'GetRepositoryPolicy',
    'DescribeRepositories',
    'ListImages',
    'BatchGetImage',
  ]
  return {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: ['ecr:GetAuthorizationToken'], Resource: '*' },
      { Effect: 'Allow', Action: reading.map((action) => `ecr:${action}`), Resource: '*' },
    ],
  }
}
