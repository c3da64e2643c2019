/** Before the first test: no home, no AWS, no configuration of whoever runs the tests. */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

/** Under the tests' home: the full binary under the helper's name. */
export const FULL_AS_HELPER = 'bin/docker-credential-ecr-cname'

const OF_THE_USER =
  /^(AWS_|ECR_CNAME_|XDG_|DOCKER_|REGISTRY|ECR_|PORT$|TLS_|(HTTPS?|NO|ALL)_PROXY$)/i

export function setup(): () => void {
  const home = mkdtempSync(join(tmpdir(), 'ecr-cname-home-'))
  for (const variable of Object.keys(process.env)) {
    if (OF_THE_USER.test(variable)) delete process.env[variable]
  }
  mkdirSync(dirname(join(home, FULL_AS_HELPER)))
  symlinkSync(resolve('dist/ecr-cname'), join(home, FULL_AS_HELPER))
  process.env['HOME'] = home
  process.env['AWS_EC2_METADATA_DISABLED'] = 'true'
  return () => rmSync(home, { recursive: true, force: true })
}
