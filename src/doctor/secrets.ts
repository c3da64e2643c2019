/** What is known to be secret here, so that no report holds it. */

import { awsFiles, type Environment } from '../front/places.ts'
import { authFiles, dockerConfigFile, readConfig } from '../io/engine-configs.ts'
import { allLogins } from '../io/logins.ts'
import { readPlain } from '../io/plain-file.ts'
import { loginsOf } from '../setup/docker.ts'
import { ownEntries } from '../tokens/store.ts'

/** Passwords and tokens of the store, of engines' files and of AWS' shared files. */
export function ownSecrets(env: Environment): readonly string[] {
  const engines = [dockerConfigFile(env), ...authFiles(env)].flatMap((file) =>
    loginsOf(readConfig(file)),
  )
  const kept = [...allLogins(env), ...ownEntries(env), ...engines].map(({ secret }) => secret)
  return [...kept, ...awsFiles(env).flatMap(secretsIn)]
}

function secretsIn(file: string): readonly string[] {
  try {
    const lines = readPlain(file)
      .toString('utf8')
      .matchAll(/^\s*\w*(?:secret|token|password|external_id)\w*\s*=\s*(\S+)\s*$/gim)
    return [...lines].map(([, value = '']) => value)
  } catch {
    return []
  }
}
