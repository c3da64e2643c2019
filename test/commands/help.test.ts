import { describe, expect, it } from 'vitest'
import { helpOf, overview } from '../../src/commands/help.ts'
import { commands } from '../../src/commands/table.ts'

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

describe.each(shown)('ecr-cname $name --help', (command) => {
  it('shows usage and an example, in lines that fit', () => {
    const help = helpOf(command)

    expect(help).toContain(`Usage: ecr-cname ${command.name}`)
    expect(help).toContain(`Example:\n  ${command.example.split('\n')[0]}`)
    expect(help.split('\n').filter((line) => line.length > 105)).toEqual([])
  })
})
