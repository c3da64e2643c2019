/** What `completion --help` says. */

import type { Command } from '../command.ts'

export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const
export type Shell = (typeof SHELLS)[number]

export const completionHelp = {
  name: 'completion',
  summary: 'Print what makes a shell complete our commands and flags',
  operands: SHELLS.join('|'),
  words: SHELLS,
  options: [],
  notes: `bash        ecr-cname completion bash > /etc/bash_completion.d/ecr-cname
zsh         ecr-cname completion zsh > "\${fpath[1]}/_ecr-cname"
fish        ecr-cname completion fish > ~/.config/fish/completions/ecr-cname.fish
powershell  ecr-cname completion powershell >> $PROFILE`,
  example: 'source <(ecr-cname completion bash)',
} as const satisfies Omit<Command, 'run'>
