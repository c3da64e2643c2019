/** What the help says of the commands for mappings; apart from them, whose code it need not load. */

import type { Flags } from '../arguments.ts'
import type { Command } from '../command.ts'

export const mapHelp = {
  name: 'map',
  group: 'Configuration',
  summary: 'Say which registry stands behind a name',
  operands: 'add HOST [REGISTRY] | list | rm HOST… | import [FILE]',
  words: ['add', 'list', 'rm', 'import'],
  options: [
    { name: 'profile', value: 'NAME', summary: 'add: the AWS profile that mints for it' },
    { name: 'role-arn', value: 'ARN', summary: 'add: the role to assume for it' },
    {
      name: 'connect',
      value: 'HOST',
      summary: 'add: where its sockets go, such as a VPC endpoint',
    },
    { name: 'system', summary: 'change /etc/ecr-cname/config.json, which is for all users' },
    { name: 'yes', summary: 'ask nothing' },
    { name: 'json', summary: 'list: for programs' },
  ],
  notes: `add without REGISTRY looks the name up in the DNS, shows what it found, and asks. import takes
over ~/.ecr/custom.json, another file of names and ECR hosts, or what ~/.docker/config.json leaves to
amazon-ecr-credential-helper.

The file that is changed is $ECR_CNAME_CONFIG, else the user's own. What else stands in it stays as
it is, also in its layout.`,
  example: `ecr-cname map add docker.company.com 123456789012.dkr.ecr.us-east-1.amazonaws.com
ecr-cname map list`,
} as const satisfies Omit<Command, 'run'>

export type MapFlags = Flags<(typeof mapHelp)['options']>

export const resolveHelp = {
  name: 'resolve',
  group: 'Configuration',
  summary: 'Tell which registry, which AWS identity and which token stand behind a name',
  operands: 'HOST',
  options: [
    { name: 'aws', summary: 'ask AWS who that identity is' },
    { name: 'json', summary: 'for programs' },
  ],
  example: 'ecr-cname resolve --aws docker.company.com',
} as const satisfies Omit<Command, 'run'>
