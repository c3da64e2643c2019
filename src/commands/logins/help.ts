/** What the help says of the commands for logins; apart from them, whose code it need not load. */

import type { Command } from '../command.ts'

const IDENTITY = [
  { name: 'profile', value: 'NAME', summary: 'the AWS profile to mint with, for this call' },
  { name: 'role-arn', value: 'ARN', summary: 'a role to assume for this call' },
] as const

/** The engines that can be logged in, in the order in which they are looked for. */
export const ENGINES = ['docker', 'podman', 'nerdctl', 'buildah', 'skopeo', 'oras', 'helm'] as const

export const loginHelp = {
  name: 'login',
  group: 'Logins',
  summary: 'Log an engine in, as docker login does, with a fresh token',
  operands: 'HOST…',
  options: [
    {
      name: 'tool',
      value: 'NAME',
      choices: ENGINES,
      multiple: true,
      summary: `${ENGINES.join(', ')}; repeatable (the first of them that is on PATH)`,
    },
    {
      name: 'account',
      value: 'ID',
      summary: "instead of a host: the registry of this account (the caller's own)",
    },
    {
      name: 'region',
      value: 'REGION',
      summary:
        'instead of a host: the registry in this region (that of the environment or profile)',
    },
    ...IDENTITY,
  ],
  notes: `The engine keeps the token until it expires, at most 12 hours. Where docker-credential-ecr-cname
answers for a host already, there is nothing to do, and that is what it says.

The token goes to the engine's stdin: never into its arguments or its environment.`,
  example: `ecr-cname login docker.company.com
ecr-cname login --tool helm --region eu-west-1`,
} as const satisfies Omit<Command, 'run'>

export const tokenHelp = {
  name: 'token',
  group: 'Logins',
  summary: 'Print the password for a registry',
  operands: 'HOST',
  options: [
    { name: 'json', summary: 'as JSON: host, registry, username, password, expiresAt, identity' },
    { name: 'header', summary: 'as an Authorization header, for curl --header @-' },
    ...IDENTITY,
  ],
  notes: 'Whoever reads the output may use the registry as you do: do not leave it in a log.',
  example: `ecr-cname token --header docker.company.com |
  curl --header @- https://docker.company.com/v2/team/app/tags/list`,
} as const satisfies Omit<Command, 'run'>

export const dockercfgHelp = {
  name: 'dockercfg',
  group: 'Logins',
  summary: 'Write a Docker configuration with fresh logins to all mapped registries',
  operands: '[PATH]',
  options: [
    { name: 'host', value: 'HOST', multiple: true, summary: 'for this host alone; repeatable' },
    {
      name: 'format',
      value: 'docker|secret|dcos',
      choices: ['docker', 'secret', 'dcos'],
      summary:
        "Docker's config.json, a Kubernetes secret, or the docker.tar.gz that DC/OS takes (docker)",
    },
    { name: 'name', value: 'NAME', summary: 'of the Kubernetes secret (ecr-cname)' },
    { name: 'namespace', value: 'NAME', summary: 'of the Kubernetes secret' },
    {
      name: 'mode',
      value: 'MODE',
      summary: 'permissions of the file, such as 0644 (as it has, 0600)',
    },
    { name: 'watch', summary: 'stay, and renew the file ahead of the expiry of its tokens' },
    ...IDENTITY,
  ],
  notes: `Without PATH it is printed. In a config.json other registries and keys stay as they are. Each
mapping gives two entries, its name and its ECR host.

Where nothing is mapped, it is for the caller's own registry in AWS_REGION; with ECR_PUBLIC, for
public.ecr.aws. AWS_STS_ROLE and AWS_STS_ACCOUNT name a role to assume, as Codeship's services do.`,
  example: `ecr-cname dockercfg ~/.docker/config.json
ecr-cname dockercfg --format secret --name regcred | kubectl apply -f -`,
} as const satisfies Omit<Command, 'run'>
