/** `setup buildkit`: buildkitd, and buildx by way of it. */

import { parse } from 'smol-toml'
import { describe, expect, it } from 'vitest'
import { CNAME, ECR } from '../support/user.ts'
import { newSystem } from './setting-up.ts'

const FILE = 'etc/buildkit/buildkitd.toml'
const OWN = 'etc/ecr-cname/config.json'

describe('setup buildkit', () => {
  it.each([
    ['no file', undefined, [ECR]],
    ['an empty file', '', [ECR]],
    ['other registries', 'debug = true\n\n[registry."docker.io"]\n  mirrors = ["m.test"]\n', [ECR]],
    [
      'a mirror',
      `# ours\n[registry."${CNAME}"]\n  mirrors = ["m.test"] # slow\n  http = true\n`,
      [ECR, 'm.test'],
    ],
    [
      'mirrors on lines of their own',
      `[registry."${CNAME}"]\n  mirrors = [\n    "a.test",\n    "b.test",\n  ]\n  http = true\n`,
      [ECR, 'a.test', 'b.test'],
    ],
    ['CRLF', `[registry."${CNAME}"]\r\n  http = true\r\n`, [ECR]],
  ])('puts the ECR host first where there is %s, once, and undoes it', async (_, text, mirrors) => {
    const system = newSystem(text === undefined ? {} : { [FILE]: text })
    const before = system.everything()
    await system.agree('buildkit')
    const after = parse(system.read(FILE)) as Record<
      string,
      Record<string, Record<string, unknown>>
    >
    expect(after['registry']?.[CNAME]?.['mirrors']).toEqual(mirrors)
    const others = parse(text ?? '') as typeof after
    expect({ ...others['registry']?.[CNAME], ...after['registry']?.[CNAME] }).toEqual(
      after['registry']?.[CNAME],
    )
    expect(system.read(FILE).includes('\n') && !/[^\r]\n/.test(system.read(FILE))).toBe(
      text?.includes('\r\n') ?? false,
    )
    const once = system.everything()
    expect(await system.agree('buildkit')).toMatchObject({ stdout: '' })
    expect(system.everything()).toEqual(once)
    await system.agree('buildkit', '--undo')
    expect(system.everything()).toEqual(before)
  })

  it("says of the ECR host what is said of the name's identity, for that host is asked for", async () => {
    const registries = { [CNAME]: { registry: ECR, profile: 'prod' } }
    const { agree, read } = newSystem({}, { registries })
    await agree('buildkit')
    expect(JSON.parse(read(OWN))).toEqual({
      registries: { ...registries, [ECR]: { profile: 'prod' } },
    })
  })

  it('never overwrites a broken file', async () => {
    const { setup, read, at } = newSystem({ [FILE]: '[registry\n' })
    const { exitCode, stderr } = await setup(['buildkit', '--yes'])
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(new RegExp(`${at(FILE)}: line 1, column \\d+: expected TOML; mend it`))
    expect(read(FILE)).toBe('[registry\n')
  })

  it('asks for an edit by hand where a table stands in another form', async () => {
    const text = `registry = { "${CNAME}" = { mirrors = ["m.test"] } }\n`
    const { setup, read } = newSystem({ [FILE]: text })
    const { exitCode, stderr } = await setup(['buildkit', '--yes'])
    expect(exitCode).toBe(1)
    expect(stderr).toContain(
      `write mirrors = ["${ECR}", "m.test"] into [registry."${CNAME}"] by hand`,
    )
    expect(read(FILE)).toBe(text)
  })
})
