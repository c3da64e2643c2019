/** The commands, in the order of the help. */

import { certHelp } from './cert/help.ts'
import type { Command } from './command.ts'
import { completionHelp } from './completion/help.ts'
import { renew } from './credential.ts'
import { doctorHelp } from './doctor/help.ts'
import { cacheHelp, pullHelp, pushHelp, reposHelp, tagsHelp } from './images/help.ts'
import { dockercfgHelp, loginHelp, tokenHelp } from './logins/help.ts'
import { mapHelp, resolveHelp } from './mappings/help.ts'
import { serveHelp } from './serve/help.ts'
import { setupHelp } from './setup/help.ts'
import { verbs } from './verbs.ts'
import { version } from './version.ts'

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
  {
    ...setupHelp,
    run: async (args, world) => await (await import('./setup/setup.ts')).setup(args, world),
  },
  {
    ...doctorHelp,
    run: async (args, world) => await (await import('./doctor/doctor.ts')).doctor(args, world),
  },
  ...verbs,
  {
    ...certHelp,
    run: async (args, world) => {
      const { cert } = await import('./cert/cert.ts')
      return await cert(args, world)
    },
  },
  {
    name: 'credential-provider',
    summary: "Answer kubelet's CredentialProviderRequest",
    operands: '[WORD…] < REQUEST',
    notes: `Kubelet starts it for images that match, see its CredentialProviderConfig. With the token and
the annotation eks.amazonaws.com/role-arn of a service account, the pod's own role pulls. Words that
other plug-ins were given, such as get-credentials, are passed over.`,
    example: `echo '{"apiVersion":"credentialprovider.kubelet.k8s.io/v1","kind":"CredentialProviderRequest",
  "image":"docker.company.com/app"}' | ecr-cname credential-provider`,
    run: async (_, world) => {
      const { provideCredentials } = await import('./credential-provider.ts')
      return await provideCredentials(world)
    },
  },
  {
    ...completionHelp,
    run: async (args, world) => {
      const { printCompletion } = await import('./completion/completion.ts')
      return await printCompletion(args, world, commands)
    },
  },
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
