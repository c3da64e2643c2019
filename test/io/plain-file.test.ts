import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readPlain } from '../../src/io/plain-file.ts'
import { temporaryFolder } from '../support/folder.ts'

describe('a file of somebody else', () => {
  const newPath = () => join(temporaryFolder(), 'config.json')

  it('is read, through links too', () => {
    const path = newPath()
    writeFileSync(`${path}.real`, '{}')
    symlinkSync(`${path}.real`, path)

    expect(readPlain(path).toString()).toBe('{}')
  })

  it('is not waited for where it is a FIFO', () => {
    const path = newPath()
    execFileSync('mkfifo', [path])

    expect(() => readPlain(path)).toThrow(`${path}: is a FIFO, expected a file; move it away`)
  })

  it('is none where it is a socket or a device', async () => {
    const path = newPath()
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(path, resolve))
    onTestFinished(() => void server.close())

    expect(() => readPlain(path)).toThrow(`${path}: is a socket, expected a file; move it away`)
    expect(() => readPlain('/dev/zero')).toThrow('/dev/zero: is a device, expected a file')
  })

  it('is empty where it is /dev/null, as systemd and people mask files', () => {
    const path = newPath()
    symlinkSync('/dev/null', path)

    expect(readPlain(path)).toHaveLength(0)
  })

  it('says what node:fs says where it is a folder or nowhere', () => {
    const path = newPath()
    expect(() => readPlain(path)).toThrow('ENOENT')
    mkdirSync(path)

    expect(() => readPlain(path)).toThrow('EISDIR')
  })
})
