/** Before the first test: no home, no AWS, no configuration of whoever runs the tests. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const OF_THE_USER =
  /^(AWS_|ECR_CNAME_|XDG_|DOCKER_|REGISTRY|ECR_|PORT$|TLS_|(HTTPS?|NO|ALL)_PROXY$)/i

export function setup(): () => void {
  const home = mkdtempSync(join(tmpdir(), 'ecr-cname-home-'))
  for (const variable of Object.keys(process.env)) {
    if (OF_THE_USER.test(variable)) delete process.env[variable]
  }
  process.env['HOME'] = home
  process.env['AWS_EC2_METADATA_DISABLED'] = 'true'
  return () => rmSync(home, { recursive: true, force: true })
}
