import { describe, expect, it } from 'vitest'
import { helpOf, overview } from '../../src/commands/help.ts'
import { commands } from '../../src/commands/table.ts'
import { runHere } from './people.ts'

const shown = commands.filter(({ hidden }) => !hidden)

describe('ecr-cname --help', () => {
  it('groups the commands, and names each that is for people once', () => {
    const lines = overview(commands).split('\n')

    expect(lines.filter((line) => /^[A-Z][A-Za-z ]+:$/.test(line)).slice(0, 2)).toEqual([
      'Sidecar:',
      'Logins:',
    ])
    for (const { name } of shown) {
      expect(lines.filter((line) => line.startsWith(`  ${name} `))).toHaveLength(1)
    }
    expect(overview(commands)).not.toContain('renew')
  })
})

describe('ecr-cname help', () => {
  it('is --help, of all commands or of the one that is named', async () => {
    const all = await runHere({ env: {} }, ['help'], {})
    const one = await runHere({ env: {} }, ['help', 'token'], {})

    expect(all).toMatchObject({ exitCode: 0, stdout: overview(commands) })
    expect(one).toMatchObject(await runHere({ env: {} }, ['token', '--help'], {}))
    expect(one.stdout).toContain('Usage: ecr-cname token')
  })

  it('knows which commands there are', async () => {
    const { exitCode, stdout, stderr } = await runHere({ env: {} }, ['help', 'tokens'], {})

    expect([exitCode, stdout, stderr]).toEqual([
      2,
      '',
      'ecr-cname: unknown command: tokens; see ecr-cname --help\n',
    ])
  })
})

describe('a command that is used wrongly', () => {
  it.each([
    [['token', '--nope', 'a.test'], "Unknown option '--nope'"],
    [['token', '--profile'], "Option '--profile <value>' argument missing"],
    [['token', '--profile', '--json'], "Option '--profile' argument is ambiguous"],
    [['token', '--json=1'], "Option '--json' does not take an argument"],
  ])('%s says so in one line, and where its help is', async (args, text) => {
    const { exitCode, stderr } = await runHere({ env: {} }, args, {})

    expect([exitCode, stderr]).toEqual([
      2,
      `ecr-cname: token: ${text}; see ecr-cname token --help\n`,
    ])
  })
})

describe.each(shown)('ecr-cname $name --help', (command) => {
  it('shows usage and an example, in lines that fit', () => {
    const help = helpOf(command)

    expect(help).toContain(`Usage: ecr-cname ${command.name}`)
    expect(help).toContain(`Example:\n  ${command.example.split('\n')[0]}`)
    expect(help.split('\n').filter((line) => line.length > 105)).toEqual([])
  })
})
