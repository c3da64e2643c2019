/** Several files change, or none, and all of it can be taken back. */

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Change } from '../../src/setup/plan.ts'
import { apply, isSetUp, undo } from '../../src/setup/record.ts'
import { temporaryFolder } from '../support/folder.ts'

const ODD = '\uFEFF{\r\n\t"a" : 1 }'

function system() {
  const root = temporaryFolder()
  const at = (name: string) => join(root, name)
  const change = (name: string, text?: string): Change => ({
    path: at(name),
    content: text === undefined ? undefined : Buffer.from(text),
  })
  return { root, at, change, folder: join(root, 'backups') }
}

/** Everything below a folder: path to mode and content. */
function tree(folder: string): Record<string, unknown> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return Object.fromEntries(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name)
      const { mode } = statSync(path)
      return [path, entry.isFile() ? [mode, readFileSync(path, 'latin1')] : mode]
    }),
  )
}

describe('changes of several files', () => {
  it('are made, and taken back to the byte, with modes and folders', () => {
    const { root, at, change, folder } = system()
    writeFileSync(at('one'), ODD)
    chmodSync(at('one'), 0o640)
    writeFileSync(at('gone'), 'x')
    const before = tree(root)
    apply(folder, [change('one', '{}'), change('deep/er/two', 'two'), change('gone')])
    expect(readFileSync(at('one'), 'utf8')).toBe('{}')
    expect(statSync(at('one')).mode & 0o777).toBe(0o640)
    expect(readFileSync(at('deep/er/two'), 'utf8')).toBe('two')
    expect(existsSync(at('gone'))).toBe(false)
    expect(isSetUp(folder)).toBe(true)
    expect(undo(folder).paths).toHaveLength(3)
    expect(tree(root)).toEqual(before)
    expect(undo(folder)).toEqual({ paths: [] })
  })

  it('go through links, which stay', () => {
    const { root, at, change, folder } = system()
    writeFileSync(at('real'), 'real')
    symlinkSync('real', at('link'))
    apply(folder, [change('link', 'changed')])
    expect(readFileSync(at('real'), 'utf8')).toBe('changed')
    undo(folder)
    expect(readFileSync(at('link'), 'utf8')).toBe('real')
    expect(readdirSync(root).sort()).toEqual(['link', 'real'])
  })

  it('go through links that lead to no file yet', () => {
    const { root, at, change, folder } = system()
    symlinkSync('dot/files/real', at('link'))
    apply(folder, [change('link', 'new')])
    expect(readFileSync(at('dot/files/real'), 'utf8')).toBe('new')
    undo(folder)
    expect(readlinkSync(at('link'))).toBe('dot/files/real')
    expect(readdirSync(root)).toEqual(['link'])
  })

  it('made twice are taken back to what was there first', () => {
    const { at, change, folder } = system()
    writeFileSync(at('one'), 'first')
    apply(folder, [change('one', 'second')])
    apply(folder, [change('one', 'third'), change('two', '2')])
    undo(folder)
    expect(readFileSync(at('one'), 'utf8')).toBe('first')
    expect(existsSync(at('two'))).toBe(false)
  })

  it('are none where one can not be made', () => {
    const { root, at, change, folder } = system()
    writeFileSync(at('one'), 'first')
    writeFileSync(at('file'), '')
    const before = tree(root)
    const changes = [change('one', 'second'), change('new/two', '2'), change('file/three', '3')]
    expect(() => apply(folder, changes)).toThrow(
      /file\/three: can't be changed \(ENOTDIR\).*Nothing was changed/,
    )
    expect(tree(root)).toEqual(before)
  })

  it('that were cut off between two files are taken back by whoever comes next', () => {
    const { root, at, change, folder } = system()
    writeFileSync(at('one'), 'first')
    writeFileSync(at('two'), 'first')
    const before = tree(root)
    apply(folder, [change('one', 'second'), change('two', 'second')])
    // As it stands when the process is killed after the first of two files.
    const record = join(folder, 'record.json')
    writeFileSync(record, readFileSync(record, 'utf8').replace('"changed"', '"changing"'))
    writeFileSync(at('two'), 'first')
    expect(undo(folder)).toEqual({ paths: [] })
    expect(tree(root)).toEqual(before)
  })

  it('are not taken back over what somebody has changed since', () => {
    const { at, change, folder } = system()
    writeFileSync(at('one'), 'first')
    writeFileSync(at('two'), 'first')
    apply(folder, [change('one', 'second'), change('two', 'second')])
    writeFileSync(at('two'), 'by hand')
    expect(() => undo(folder)).toThrow(
      /two: changed since the setup, so it stays; what was there first is in .*1-two$/,
    )
    expect(readFileSync(at('one'), 'utf8')).toBe('second')
    expect(readFileSync(at('two'), 'utf8')).toBe('by hand')
    expect(readFileSync(join(folder, '1-two'), 'utf8')).toBe('first')
  })

  it('close their backups to other users, and not the configuration beside them', () => {
    const { at, change } = system()
    const mode = (name: string) => statSync(at(name)).mode & 0o777
    apply(at('etc/ecr-cname/setup/docker'), [change('one', '{}')])
    expect([mode('etc/ecr-cname'), mode('etc/ecr-cname/setup')]).toEqual([0o755, 0o700])
  })

  it('are for all users to read, whatever the umask of root is', () => {
    const { at, change, folder } = system()
    const umask = process.umask(0o077)
    apply(folder, [change('etc/containers/registries.conf.d/one', 'x')])
    process.umask(umask)
    const modes = ['etc', 'etc/containers', 'etc/containers/registries.conf.d'].map(
      (name) => statSync(at(name)).mode & 0o777,
    )
    expect(modes).toEqual([0o755, 0o755, 0o755])
  })

  it('are none where no backup can be kept', () => {
    const { root, at, change } = system()
    writeFileSync(at('file'), 'x')
    writeFileSync(at('one'), 'first')
    const before = tree(root)
    expect(() => apply(at('file/setup/docker'), [change('one', '{}')])).toThrow(
      /file\/setup\/docker: can't be changed \(ENOTDIR\).*Nothing was changed/,
    )
    expect(tree(root)).toEqual(before)
  })

  it('are kept from other users', () => {
    const { at, change, folder } = system()
    mkdirSync(at('docker'))
    writeFileSync(at('docker/config.json'), '{"auths":{}}')
    chmodSync(at('docker/config.json'), 0o644)
    apply(folder, [change('docker/config.json', '{}')])
    const modes = readdirSync(folder).map((name) => statSync(join(folder, name)).mode & 0o777)
    expect([statSync(folder).mode & 0o777, ...modes]).toEqual([0o700, 0o600, 0o600])
  })
})
