/** Started as marjamis/ecr_reverse_proxy is: what is another here, and the flag that makes it the same. */

import type { Given } from './sources.ts'

/** A line for each difference; none where `serve` was told what to do. */
export function dropInNotes({ flags, env, proxy }: Given): readonly string[] {
  if (flags.registry || !env['REGISTRY'] || !env['ECR_REGISTRY']) return []
  const { PORT: port, REGION: region } = env
  const isAuthTold = flags.auth ?? env['ECR_CNAME_PROXY_AUTH'] ?? proxy.auth
  const notes = [
    port && !flags.listen && LOOPBACK(port),
    !isAuthTold && AUTH,
    region && !(flags.cloudwatch ?? proxy.cloudwatch) && CLOUDWATCH,
  ]
  return notes.filter((note): note is string => typeof note === 'string' && note !== '')
}

const LOOPBACK = (port: string) =>
  `PORT alone listens on 127.0.0.1; for clients on other machines: --listen 0.0.0.0:${port}`
const AUTH =
  'clients log in to ECR themselves; for a sidecar that does it for them: --auth inject, with --clients or --client-ca to say who may use it'
const CLOUDWATCH =
  'REGION alone counts nothing; for counts of pulls in CloudWatch: --cloudwatch Custom/ecr_reverse_proxy'
