/** Docker's verbs, as commands. */

import type { Command } from './command.ts'
import { credentialCommand } from './credential.ts'

/** Docker's name for the helper; started under it, the program knows Docker's verbs alone. */
export const HELPER = 'docker-credential-ecr-cname'

export const verbs: readonly Command[] = [
  credentialCommand(
    'get',
    "Answer with a registry's credentials",
    `printf docker.company.com | ${HELPER} get`,
  ),
  credentialCommand(
    'store',
    'Keep a login',
    `echo '{"ServerURL":"ghcr.io","Username":"me","Secret":"…"}' | ${HELPER} store`,
  ),
  credentialCommand(
    'erase',
    'Drop what is kept for a registry',
    `printf docker.company.com | ${HELPER} erase`,
  ),
  credentialCommand('list', 'List the registries that get answers', `${HELPER} list`),
]
