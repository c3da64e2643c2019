/** Completion, by the shells themselves. */

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { toBash } from '../../src/commands/completion/bash.ts'
import { toFish } from '../../src/commands/completion/fish.ts'
import { toPowershell } from '../../src/commands/completion/powershell.ts'
import { toZsh } from '../../src/commands/completion/zsh.ts'
import type { Command } from '../../src/commands/command.ts'
import { temporaryFolder } from '../support/folder.ts'
import { lackOf } from '../support/installed.ts'
import { needs } from '../support/needs.ts'

const run = async () => 0
const commands: readonly Command[] = [
  {
    name: 'serve',
    summary: "Serve a name: the company's [own]",
    options: [
      {
        name: 'auth',
        value: 'passthrough|inject',
        choices: ['passthrough', 'inject'],
        summary: 'who logs in',
      },
      { name: 'tls-cert', value: 'FILE', multiple: true, summary: 'PEM: a "chain"' },
      { name: 'read-only', summary: 'pulls only' },
    ],
    example: '',
    run,
  },
  {
    name: 'setup',
    summary: 'Set up',
    operands: 'ENGINE',
    words: ['docker', 'podman'],
    example: '',
    run,
  },
  {
    name: 'map',
    summary: 'Map',
    operands: 'add HOST | import FILE',
    words: ['add', 'import'],
    example: '',
    run,
  },
  { name: 'push', summary: 'Push', operands: 'FILE REF', example: '', run },
]

const SHELLS = { bash: completeInBash, zsh: completeInZsh, fish: completeInFish } as const

describe.each(Object.entries(SHELLS))('%s', (shell, complete) => {
  it.for([
    ['the commands', 'ecr-cname s', ['serve', 'setup']],
    [
      'the flags of a command',
      'ecr-cname serve --',
      ['--auth', '--help', '--read-only', '--tls-cert'],
    ],
    ['the words of a value', 'ecr-cname serve --auth ', ['inject', 'passthrough']],
    ['the words of an operand', 'ecr-cname setup ', ['docker', 'podman']],
    ['the words alone before paths', 'ecr-cname map ', ['add', 'import']],
    ['the paths behind words', 'ecr-cname map import cert', ['cert one.pem', 'cert.pem']],
    ['paths of a flag', 'ecr-cname serve --tls-cert cert', ['cert one.pem', 'cert.pem']],
    ['paths of an operand', 'ecr-cname push cert', ['cert one.pem', 'cert.pem']],
  ] as const)('completes %s', ([, line, expected], context) => {
    needs(context, lackOf(shell))
    expect(complete(line)).toEqual(expected)
  })
})

describe('PowerShell', () => {
  it('gets all commands, flags and words', () => {
    const script = toPowershell(commands)
    expect(script).toContain("'serve' = @('--auth', '--tls-cert', '--read-only', '--help')")
    expect(script).toContain("'serve --auth' = @('passthrough', 'inject')")
    expect(script).toContain("'setup' = @('docker', 'podman', '--help')")
  })
})

function folderWith(script: string, name: string): string {
  const folder = temporaryFolder()
  writeFileSync(join(folder, name), script)
  writeFileSync(join(folder, 'cert.pem'), '')
  writeFileSync(join(folder, 'cert one.pem'), '')
  return folder
}

function completeInBash(line: string): string[] {
  const cwd = folderWith(toBash(commands), 'script')
  const asked = `source ./script
COMP_WORDS=($1); [[ $1 == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_ecr_cname
printf '%s\\n' "\${COMPREPLY[@]}"`
  return toSorted(execFileSync('bash', ['-c', asked, 'bash', line], { cwd, encoding: 'utf8' }))
}

function completeInFish(line: string): string[] {
  const cwd = folderWith(toFish(commands), 'script')
  const said = execFileSync('fish', ['-N', '-c', 'source ./script; complete -C $argv[1]', line], {
    cwd,
    env: { PATH: process.env['PATH'], HOME: cwd, XDG_CONFIG_HOME: cwd },
    encoding: 'utf8',
  })
  return toSorted(said.replaceAll(/\t.*$/gm, ''))
}

/** An interactive zsh in a terminal of its own, whose completion is told of what it found. */
function completeInZsh(line: string): string[] {
  const cwd = folderWith(toZsh(commands), '_ecr-cname')
  const asked = `zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1= ; fpath=($PWD \\$fpath); autoload -U compinit; compinit -u -d $PWD/.dump
compadd() { builtin compadd -O found -D found \\"\\$@\\" 2>/dev/null; local -a found; builtin compadd -A found \\"\\$@\\"; print -rl -- \\$found >> $PWD/.found; builtin compadd \\"\\$@\\" }
bindkey '^I' list-choices
done-now() { : > $PWD/.done; print END-\\$((1+1)) }; zle -N done-now; bindkey '^X' done-now; print BEGIN-\\$((1+1))"
zpty -r shell ignored '*BEGIN-2*'
zpty -w -n shell "$1"$'\\t'$'\\x18'
zpty -r shell ignored '*END-2*'
zpty -d shell`
  const env = { PATH: process.env['PATH'], HOME: cwd, TERM: 'xterm' }
  execFileSync('zsh', ['-f', '-c', asked, 'zsh', line], { cwd, env, stdio: 'ignore' })
  return toSorted(readFileSync(join(cwd, '.found'), 'utf8').replaceAll('\\', ''))
}

function toSorted(text: string): string[] {
  return [...new Set(text.split('\n').filter((one) => one !== ''))].sort()
}
