/** What DC/OS is given: Marathon applications, and the IAM policy of the agents' role. */

import { resolve } from 'node:path'
import type { Mapping } from '../domain/mapping.ts'
import type { Change, Plan } from './plan.ts'

export type Marathon = {
  /** The image of this program. */
  readonly image: string
  readonly mappings: readonly Mapping[]
}

/** The files of a folder, and what an operator does with them. */
export function planMarathon(folder: string, marathon: Marathon): Plan {
  const [helper, example, policy] = [
    'ecr-helper.json',
    'nginx-example.json',
    'agent-policy.json',
  ].map((name) => resolve(folder, name)) as [string, string, string]
  return {
    changes: [
      toChange(helper, installer(marathon)),
      toChange(example, puller(marathon)),
      toChange(policy, agentPolicy()),
    ],
    notes: [
      'the image has to be one that agents can pull before they have the helper, with ecr-cname as its entry point',
    ],
    commands: [
      `aws iam put-role-policy --role-name AGENTS_ROLE --policy-name ecr-pull --policy-document file://${policy}`,
      `dcos marathon app add ${helper}`,
      'dcos marathon app update /aws-ecr-helper instances=AGENTS, and instances=0 when each has had it',
      `dcos marathon app add ${example}`,
    ],
  }
}

function toChange(path: string, value: unknown): Change {
  return { path, content: Buffer.from(`${JSON.stringify(value, null, 2)}\n`), mode: 0o644 }
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

function puller({ mappings }: Marathon) {
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

function agentPolicy() {
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
