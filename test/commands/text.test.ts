import { describe, expect, it } from 'vitest'
import { duration, paintFor, table } from '../../src/commands/text.ts'

const MINUTE = 60_000

describe('duration', () => {
  it.each([
    [-5, '0 s'],
    [999, '1 s'],
    [59_000, '59 s'],
    [MINUTE, '1 min'],
    [61_000, '1 min 1 s'],
    [59.9 * MINUTE, '59 min 54 s'],
    [60 * MINUTE, '1 h'],
    [702 * MINUTE, '11 h 42 min'],
    [24 * 60 * MINUTE, '1 d'],
    [51 * 60 * MINUTE + 5, '2 d 3 h'],
  ])('of %d ms is %s', (ms, text) => {
    expect(duration(ms)).toBe(text)
  })
})

describe('table', () => {
  it('aligns its columns, whatever their colours, and leaves no blank at the end of a line', () => {
    const { dim } = paintFor({ env: {}, stdoutIsTerminal: true })

    expect(
      table([
        [dim('A'), 'B'],
        ['long', ''],
        ['x', 'yy', 'z'],
      ]),
    ).toBe(`${dim('A')}     B\nlong\nx     yy  z\n`)
  })
})

describe('paintFor', () => {
  it.each([
    [{}, true, '\x1b[1mx\x1b[0m'],
    [{}, false, 'x'],
    [{ NO_COLOR: '1' }, true, 'x'],
    [{ NO_COLOR: '' }, true, '\x1b[1mx\x1b[0m'],
    [{ TERM: 'dumb' }, true, 'x'],
  ])(
    'marks nothing without a terminal, or where told not to: %j, %s',
    (env, stdoutIsTerminal, marked) => {
      expect(paintFor({ env, stdoutIsTerminal }).bold('x')).toBe(marked)
    },
  )
})
