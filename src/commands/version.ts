/** `version`: name and version, in the form that Docker's own helpers print. */

import packageJson from '../../package.json' with { type: 'json' }
import type { Command } from './command.ts'

export const version: Command = {
  name: 'version',
  summary: 'Print name and version',
  example: 'ecr-cname version',
  run: async (_, world) => {
    world.stdout(`docker-credential-ecr-cname (ecr-cname) v${packageJson.version}\n`)
    return 0
  },
}
