/** Clients with a password of the sidecar's own: an htpasswd file, and who is in it. */

import { createHmac, randomBytes } from 'node:crypto'
import { UserError } from '../domain/errors.ts'
import { Refusal } from './refusal.ts'

/** Bcrypt hashes by name. */
export type Passwords = ReadonlyMap<string, string>

export type Clients = {
  /** Whether a name has that password. Throws a Refusal while too many others are being checked. */
  readonly verify: (name: string, password: string) => Promise<boolean>
}

/** Reads an htpasswd file. A UserError names the file and the line, never what stands there. */
export function parsePasswords(text: string, file: string): Passwords {
  const passwords = new Map<string, string>()
  text.split(/\r?\n/).forEach((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return
    const [, name, hash = ''] = /^([^:\p{Cc}]+):(\S+)\s*$/u.exec(line) ?? []
    const [, cost] = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(hash) ?? []
    if (!name || !cost) throw wrong(file, index, 'expected NAME:HASH with bcrypt (htpasswd -B)')
    if (Number(cost) > HIGHEST_COST) {
      throw wrong(file, index, `a cost above ${HIGHEST_COST} takes seconds a login; hash it anew`)
    }
    passwords.set(name, hash)
  })
  if (passwords.size > 0) return passwords
  throw new UserError('SERVE', `${file}: no client in it; add one with htpasswd -B`)
}

/**
 * Checks passwords, one at a time, for bcrypt is slow by intent. What was checked is remembered by
 * a digest that only this process can make. `compare` tells whether a hash is that of a password.
 */
export function createClients(
  passwords: Passwords,
  compare: (password: string, hash: string) => Promise<boolean>,
): Clients {
  const key = randomBytes(32)
  const known = new Map<string, Promise<boolean>>()
  const inTurn = createQueue()
  // A name that is not there takes as long as one that is.
  const [decoy = ''] = passwords.values()
  const check = async (name: string, password: string) => {
    const hash = passwords.get(name)
    return (await compare(password, hash ?? decoy)) && hash !== undefined
  }
  return {
    async verify(name, password) {
      const digest = createHmac('sha256', key).update(`${name}:${password}`).digest('base64')
      const outcome = known.get(digest) ?? inTurn(() => check(name, password))
      remember(known, digest, outcome)
      // A check that failed is no outcome to remember.
      outcome.catch(() => known.delete(digest))
      return await outcome
    },
  }
}

const HIGHEST_COST = 15
const MOST_WAITING = 64
const MOST_KNOWN = 4096

function wrong(file: string, index: number, message: string): UserError {
  return new UserError('SERVE', `${file}: line ${index + 1}: ${message}`)
}

// The one that was used longest ago goes first.
function remember<T>(known: Map<string, T>, digest: string, outcome: T): void {
  known.delete(digest)
  known.set(digest, outcome)
  const [oldest] = known.keys()
  if (known.size > MOST_KNOWN && oldest !== undefined) known.delete(oldest)
}

function createQueue() {
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  return <T>(act: () => Promise<T>): Promise<T> => {
    if (waiting >= MOST_WAITING) throw BUSY()
    waiting += 1
    const outcome = last.then(act).finally(() => (waiting -= 1))
    last = outcome.catch(() => {})
    return outcome
  }
}

const BUSY = () =>
  new Refusal(429, 'TOOMANYREQUESTS', 'too many logins at once; try again in a moment')
