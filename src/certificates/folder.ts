/** The authority and its certificates as files: keys 0600, each written whole. */

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { UserError } from '../domain/errors.ts'
import { openFolder, privateFolder, replaceFile } from '../io/files.ts'
import { filesOf } from './places.ts'
import {
  covers,
  endOf,
  foundAuthority,
  isGood,
  isPair,
  issue,
  type Pair,
  zonesOf,
} from './issue.ts'

/** What was asked for, and where it stands. */
export type Provided = {
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
  /** The zones that the authority can vouch for. */
  readonly zones: readonly string[]
  /** Milliseconds since 1970. */
  readonly holdsUntil: number
  /** What was done to the certificate. */
  readonly change: 'issued' | 'renewed' | 'kept'
}

export type Wish = {
  readonly folder: string
  /** The name of the files. */
  readonly title: string
  /** What the certificate is for. */
  readonly names: readonly string[]
  /** What a new authority is to vouch for. */
  readonly zones: readonly string[]
  /** Milliseconds since 1970. */
  readonly now: number
  /** Issues anew also what is good still. */
  readonly anew?: boolean
}

const RENEWAL_DAYS = 30

/** The authority's certificate in a folder; undefined where none was founded. */
export function findAuthority(folder: string): string | undefined {
  const file = join(folder, CA_FILE)
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

/** A certificate that holds for another month at least, of the folder's authority. */
export async function provideCertificate(wish: Wish): Promise<Provided> {
  try {
    return await provide(wish)
  } catch (error) {
    const { code, path = wish.folder } = error as NodeJS.ErrnoException
    if (error instanceof UserError || !/^E[A-Z]+$/.test(code ?? '')) throw error
    const message = `${path}: can't be written (${code}); name another folder with --dir`
    throw new UserError('FILE', message, { cause: error })
  }
}

async function provide(wish: Wish): Promise<Provided> {
  const { folder, title, names, now, anew = false } = wish
  // The configuration beside it is for every user to read.
  openFolder(dirname(folder))
  privateFolder(folder)
  const authority = await provideAuthority(wish)
  const zones = zonesOf(authority.cert)
  const beyond = names.find((name) => !covers(zones, name))
  if (beyond !== undefined) throw notCovered(beyond, zones, folder)
  const files = filesOf(folder, title)
  const provided = { caFile: join(folder, CA_FILE), ...files, zones }
  const isThere = existsSync(files.certFile) && existsSync(files.keyFile)
  const until = now + RENEWAL_DAYS * 24 * 3600_000
  const own = isThere && !anew ? readFileSync(files.certFile, 'utf8') : ''
  if (isGood(own, { authority: authority.cert, names, until })) {
    return { ...provided, holdsUntil: endOf(own), change: 'kept' }
  }
  const pair = await issue(authority, names, now)
  // A reader in between finds a pair that does not fit, and looks again.
  replaceFile(files.keyFile, pair.key)
  replaceFile(files.certFile, pair.cert)
  return { ...provided, holdsUntil: endOf(pair.cert), change: isThere ? 'renewed' : 'issued' }
}

const CA_FILE = 'ca.crt'
const CA_KEY_FILE = 'ca.key'

async function provideAuthority({ folder, zones, now }: Wish): Promise<Pair> {
  const certFile = join(folder, CA_FILE)
  const keyFile = join(folder, CA_KEY_FILE)
  if (existsSync(certFile) && existsSync(keyFile)) {
    const authority = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
    if (isPair(authority)) return authority
    const message = `${certFile}: it and ${CA_KEY_FILE} are no authority and its key; put them back, or remove both to found a new one`
    throw new UserError('CONFIG', message)
  }
  const lone = [certFile, keyFile].find((file) => existsSync(file))
  if (lone !== undefined) {
    const message = `${lone}: stands alone of the authority's two files; put the other back, or remove it to found a new authority`
    throw new UserError('CONFIG', message)
  }
  const authority = await foundAuthority(zones, now)
  replaceFile(keyFile, authority.key)
  replaceFile(certFile, authority.cert)
  return authority
}

function notCovered(name: string, zones: readonly string[], folder: string): UserError {
  return new UserError(
    'CONFIG',
    `${name}: the authority in ${folder} can vouch for ${zones.join(', ')} only; name another folder with --dir, or remove this one to found a new authority`,
  )
}
