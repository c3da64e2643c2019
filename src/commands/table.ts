/** The commands, in the order of the help. */

import type { Command } from './command.ts'
import { credentialCommand, renew } from './credential.ts'
import { pullHelp } from './images/help.ts'
import { serveHelp } from './serve/help.ts'
import { version } from './version.ts'

const HELPER = 'docker-credential-ecr-cname'

export const commands: readonly Command[] = [
  {
    ...pullHelp,
    run: async (args, world) => {
      const { pull } = await import('./images/pull.ts')
      return await pull.run(args, world)
    },
  },
  {
    ...serveHelp,
    run: async (args, world) => {
      const { serve } = await import('./serve/serve.ts')
      return await serve.run(args, world)
    },
  },
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
  renew,
  version,
]
