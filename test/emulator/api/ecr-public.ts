/** Amazon ECR Public: one action, whose answer is an object where ECR's is a list. */

import { authorise } from '../emulation.ts'
import { mintPassword } from '../tokens.ts'
import { type Action, JSON_DIALECT } from './json.ts'
import { problem } from './signed.ts'

const REGIONS = ['us-east-1', 'us-west-2']

export const ECR_PUBLIC_ACTIONS: Readonly<Record<string, Action>> = {
  GetAuthorizationToken({ emulation, caller, exchange }) {
    if (!REGIONS.includes(caller.region)) {
      throw problem(JSON_DIALECT, 'mismatch', 'Credential should be scoped to a valid region.')
    }
    for (const action of ['ecr-public:GetAuthorizationToken', 'sts:GetServiceBearerToken']) {
      authorise(emulation, exchange, { action, resource: '*' }, (message) =>
        problem(JSON_DIALECT, 'denied', message),
      )
    }
    const { settings, now, key } = emulation
    const expiresAt = now().getTime() / 1000 + settings.tokenSeconds
    const claims = {
      kind: 'public',
      principal: caller.principal.arn,
      region: caller.region,
      expiration: Math.floor(expiresAt),
    } as const
    const password = mintPassword(key, claims, settings.tokenBytes)
    return { authorizationData: { authorizationToken: btoa(`AWS:${password}`), expiresAt } }
  },
}
