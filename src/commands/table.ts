/** The commands, in the order of the help. */

import type { Command } from './command.ts'
import { credentialCommand, renew } from './credential.ts'
import { cacheHelp, pullHelp, pushHelp, reposHelp, tagsHelp } from './images/help.ts'
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
    ...pushHelp,
    run: async (args, world) => {
      const { push } = await import('./images/push.ts')
      return await push.run(args, world)
    },
  },
  {
    ...reposHelp,
    run: async (args, world) => {
      const { repos } = await import('./images/lists.ts')
      return await repos.run(args, world)
    },
  },
  {
    ...tagsHelp,
    run: async (args, world) => {
      const { tags } = await import('./images/lists.ts')
      return await tags.run(args, world)
    },
  },
  {
    ...cacheHelp,
    run: async (args, world) => {
      const { cache } = await import('./images/cache.ts')
      return await cache.run(args, world)
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
