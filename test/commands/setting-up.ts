/** A system below a folder, and `setup` of it with answers of a person. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { World } from '../../src/commands/command.ts'
import { temporaryFolder } from '../support/folder.ts'
import { CNAME, ECR, writeTree } from '../support/user.ts'
import { runHere } from './people.ts'

export type Files = Readonly<Record<string, string>>

/** The configuration of all these systems, unless a test says another. */
const MAPPED = { registries: { [CNAME]: ECR } }

/** A system with files of its own, to be set up from outside. */
export function newSystem(files: Files = {}, config: unknown = MAPPED) {
  const root = temporaryFolder()
  writeTree(root, { 'etc/ecr-cname/config.json': JSON.stringify(config), ...files })
  const env = { HOME: '/root', PATH: '' }
  const setup = async (args: readonly string[], world: Partial<World> = {}) =>
    await runHere({ env }, ['setup', ...args, '--root', root], world)
  return {
    ...systemAt(root),
    setup,
    /** Answers yes; it has to succeed. */
    agree: async (...args: readonly string[]) => {
      const outcome = await setup(args, { ask: async () => 'yes' })
      expect(outcome).toMatchObject({ exitCode: 0 })
      return outcome
    },
  }
}

/** A user with files of their own, who sets up what is theirs. */
export function newHome(files: Files = {}, config: unknown = MAPPED) {
  const home = temporaryFolder()
  writeTree(home, { '.config/ecr-cname/config.json': JSON.stringify(config), ...files })
  return { ...systemAt(home), env: { HOME: home, PATH: '' } }
}

function systemAt(root: string) {
  return {
    root,
    at: (path: string) => join(root, path),
    read: (path: string) => readFileSync(join(root, path), 'utf8'),
    has: (path: string) => existsSync(join(root, path)),
    /** Every file, with its mode, owner and bytes. */
    everything: () => {
      const entries = readdirSync(root, { recursive: true, withFileTypes: true })
      return Object.fromEntries(
        entries.map((entry) => {
          const path = join(entry.parentPath, entry.name)
          const { mode, uid, gid } = statSync(path)
          const facts = [mode & 0o7777, uid, gid]
          return [path, entry.isFile() ? [...facts, readFileSync(path, 'latin1')] : facts]
        }),
      )
    },
  }
}
