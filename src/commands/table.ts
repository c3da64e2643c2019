/** The commands, in the order of the help. */

import type { Command } from './command.ts'
import { credentialCommand, renew } from './credential.ts'
import { serveHelp } from './serve/help.ts'
import { version } from './version.ts'

const HELPER = 'docker-credential-ecr-cname'

export const commands: readonly Command[] = [
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
  {
    name: 'check-passwords',
    summary: 'Check passwords for a sidecar',
    example: 'ecr-cname check-passwords',
    hidden: true,
    run: async (_, world) => {
      const { checkPasswords } = await import('./check-passwords.ts')
      return await checkPasswords(world)
    },
  },
  version,
]
