/** The commands, in the order of the help. */

import type { Command } from './command.ts'
import { credentialCommand, renew } from './credential.ts'
import { dockercfgHelp, loginHelp, tokenHelp } from './logins/help.ts'
import { mapHelp, resolveHelp } from './mappings/help.ts'
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
  {
    ...loginHelp,
    run: async (args, world) => await (await import('./logins/login.ts')).login(args, world),
  },
  {
    ...tokenHelp,
    run: async (args, world) => await (await import('./logins/token.ts')).token(args, world),
  },
  {
    ...dockercfgHelp,
    run: async (args, world) =>
      await (await import('./logins/dockercfg.ts')).dockercfg(args, world),
  },
  {
    ...mapHelp,
    run: async (args, world) => await (await import('./mappings/map.ts')).map(args, world),
  },
  {
    ...resolveHelp,
    run: async (args, world) => await (await import('./mappings/resolve.ts')).resolve(args, world),
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
