import { describe, expect, it } from 'vitest'

import { commands } from '../../src/commands/table.ts'
import { invocationsIn } from './invocations.ts'
import { filesOf } from './files.ts'

const files = ['README.md', 'SECURITY.md', ...filesOf('**/*')]
const invocations = files.flatMap(invocationsIn)

describe('the commands that documents and examples tell to run', () => {
  it('are found in each of the places where they stand', () => {
    const places = new Set(invocations.map(({ file }) => file.split('/').slice(0, 2).join('/')))

    expect([...places]).toEqual(
      expect.arrayContaining([
        'README.md',
        'deploy/systemd',
        'deploy/kubernetes',
        'deploy/ecs',
        'deploy/ci',
      ]),
    )
  })

  it.each(invocations)('$file: ecr-cname $name $flags', ({ name, flags }) => {
    const command = commands.find((one) => one.name === name)
    const known = ['help', ...(command?.options ?? []).map((option) => option.name)]

    expect(command).toBeDefined()
    expect(known).toEqual(expect.arrayContaining([...flags]))
  })
})
