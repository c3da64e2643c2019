/** What `setup --help` says. */

import type { Command } from '../command.ts'

export const ENGINES = ['docker', 'podman', 'containerd', 'buildkit', 'kubelet', 'dcos'] as const
export type Engine = (typeof ENGINES)[number]

export const setupHelp = {
  name: 'setup',
  group: 'Configuration',
  summary: 'Have an engine pull under your names: show what changes, ask, change it',
  operands: 'ENGINE [HOST…]',
  words: ENGINES,
  options: [
    { name: 'undo', summary: 'give back what was there before, byte for byte' },
    { name: 'yes', summary: 'do not ask' },
    { name: 'dry-run', summary: 'show what would change, and end' },
    { name: 'root', value: 'DIR', summary: 'the system to set up, such as an image (/)' },
  ],
  notes: `Without HOST, all names of the configuration are set up; for docker that is every registry, and a
helper that was there becomes our fallback. Nothing changes before you agree, files change all or
none, and what was there is kept for --undo.`,
  example: `ecr-cname setup docker
sudo ecr-cname setup podman docker.company.com
ecr-cname setup docker --undo`,
} as const satisfies Omit<Command, 'run'>
