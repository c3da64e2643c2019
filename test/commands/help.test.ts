import { describe, expect, it } from 'vitest'
import { GROUPS } from '../../src/commands/command.ts'
import { helpOf, overview } from '../../src/commands/help.ts'
import { commands } from '../../src/commands/table.ts'
import { runHere } from './people.ts'

const shown = commands.filter(({ hidden }) => !hidden)

describe('ecr-cname --help', () => {
  it('groups the commands, and names each that is for people once', () => {
    const lines = overview(commands).split('\n')

    expect(lines.filter((line) => /^[A-Z][A-Za-z ]+:$/.test(line))).toEqual(
      [...GROUPS, 'More'].map((group) => `${group}:`),
    )
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

describe('a flag that is given nothing', () => {
  it.each([
    [['token', '--profile', '', 'a.test'], '--profile: expected NAME, got ""'],
    [['token', '--role-arn=', 'a.test'], '--role-arn: expected ARN, got ""'],
    [['login', '--region', '', 'a.test'], '--region: expected REGION, got ""'],
    [['dockercfg', '--host', 'a.test', '--host', ''], '--host: expected HOST, got ""'],
    [['map', 'add', 'a.test', '--profile', ''], '--profile: expected NAME, got ""'],
    [['pull', 'a.test/b', '-o', 'x', '--platform', ''], '--platform: expected OS/ARCH, got ""'],
  ])('is refused, for a variable was not set: %s', async (args, line) => {
    const { exitCode, stderr } = await runHere({ env: {} }, args, {})

    expect([exitCode, stderr]).toEqual([2, `ecr-cname: ${line}\n`])
  })
})

describe('a command that takes no arguments', () => {
  const bare = shown.filter(({ operands, options }) => !options && !operands?.match(/^[^<]/))

  it('is one of a few', () => {
    expect(bare.map(({ name }) => name).toSorted()).toEqual([
      'erase',
      'get',
      'list',
      'store',
      'version',
    ])
  })

  it.each(bare)('$name refuses them, before it does anything', async ({ name }) => {
    for (const extra of ['x', '--nope']) {
      const { exitCode, stdout, stderr } = await runHere({ env: {} }, [name, extra], {})

      expect([exitCode, stdout, stderr]).toEqual([
        2,
        '',
        `ecr-cname: ${name}: it takes no arguments, got "${extra}"; see ecr-cname ${name} --help\n`,
      ])
    }
  })

  it.each(bare)('$name has its help', async (command) => {
    const expected = { exitCode: 0, stdout: helpOf(command) }

    expect(await runHere({ env: {} }, [command.name, '--help'], {})).toMatchObject(expected)
    expect(await runHere({ env: {} }, ['help', command.name], {})).toMatchObject(expected)
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
