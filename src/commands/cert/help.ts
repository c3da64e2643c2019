/** What `cert --help` says. */

import type { Command } from '../command.ts'

export const certHelp = {
  name: 'cert',
  summary: 'Make a private authority for your zones, and a certificate for a name',
  operands: 'HOST[:PORT]',
  options: [
    {
      name: 'zone',
      value: 'ZONE',
      multiple: true,
      summary:
        'what a new authority can vouch for, and nothing else; repeatable (HOST and names below it)',
    },
    { name: 'dir', value: 'DIR', summary: 'where its files stand (tls beside your configuration)' },
    { name: 'renew', summary: 'issue anew, though a month is left' },
    { name: 'install', summary: 'make the engines that are here, and the system, trust it' },
    { name: 'uninstall', summary: 'take that back' },
    {
      name: 'for',
      value: 'WHO',
      choices: ['docker', 'podman', 'containerd', 'system'],
      multiple: true,
      summary: 'docker, podman, containerd or system alone; repeatable',
    },
    { name: 'root', value: 'DIR', summary: 'the system to install into, such as an image (/)' },
    { name: 'yes', summary: 'do not ask' },
    { name: 'json', summary: 'print what there is as JSON' },
  ],
  notes: `The certificate is kept until a month before its end, so this may run daily; serve takes the new one
by itself. The authority's key never leaves its folder. Who trusts the authority trusts it for its
zones only: its certificate says so to every client (name constraints).`,
  example: 'ecr-cname cert docker.company.com --zone company.com --install',
} as const satisfies Omit<Command, 'run'>
