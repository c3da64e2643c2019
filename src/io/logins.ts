/** Logins that are kept until they are erased: one 0600 file each. */

import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { UserError } from '../domain/errors.ts'
import { loginFile } from '../front/answer.ts'
import { type Environment, storeFolder } from '../front/places.ts'
import { privateFolder, replaceFile } from './files.ts'

/** A login under its name: the host and port, and the path where the client gave one. */
export type KeptLogin = {
  readonly name: string
  readonly serverUrl: string
  readonly username: string
  readonly secret: string
}

/** The login of a name. A file that is no login of this name is none. */
export function findLogin(name: string, env: Environment): KeptLogin | undefined {
  const login = read(loginFile(storeFolder(env), name))
  return login?.name === name ? login : undefined
}

/** Keeps a login. Throws a UserError of code STORE where it can't be written. */
export function saveLogin(login: KeptLogin, env: Environment): void {
  const folder = storeFolder(env)
  try {
    privateFolder(folder)
    privateFolder(`${folder}/logins`)
    replaceFile(loginFile(folder, login.name), JSON.stringify(login))
  } catch (error) {
    if (error instanceof UserError) throw error
    const code = (error as NodeJS.ErrnoException).code ?? ''
    throw new UserError(
      'STORE',
      `the login for ${login.name} can't be kept in ${folder} (${code}); free or open that folder, or set ECR_CNAME_HOME`,
    )
  }
}

export function dropLogin(name: string, env: Environment): void {
  rmSync(loginFile(storeFolder(env), name), { force: true })
}

export function allLogins(env: Environment): readonly KeptLogin[] {
  const folder = `${storeFolder(env)}/logins`
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
    return names.flatMap((name) => read(`${folder}/${name}`) ?? [])
  } catch {
    return []
  }
}

function read(path: string): KeptLogin | undefined {
  try {
    const login = JSON.parse(readFileSync(path, 'utf8')) as Partial<Record<string, unknown>>
    const { name, serverUrl, username, secret } = login
    return [name, serverUrl, username, secret].every((text) => typeof text === 'string')
      ? ({ name, serverUrl, username, secret } as KeptLogin)
      : undefined
  } catch {
    return undefined
  }
}
