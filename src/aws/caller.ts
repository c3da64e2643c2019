/** Who AWS says that a principal is. */

import { UserError } from '../domain/errors.ts'
import { credentialsOf } from './credentials.ts'
import { explain } from './explain.ts'
import { handlerFor, rejection } from './handler.ts'
import type { MintOptions } from './mint.ts'
import type { Principal } from './principal.ts'

export type Caller = { readonly account: string; readonly arn: string }

/**
 * The account and ARN of a principal. Throws a UserError that names the cause and the next step.
 * API: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 */
export async function callerOf(
  principal: Principal,
  region: string,
  { env, signal }: MintOptions,
): Promise<Caller> {
  const handler = await handlerFor(env)
  const settings = { region, ...handler }
  try {
    const { GetCallerIdentityCommand, STSClient } = await import('./sts.ts')
    const credentials = await credentialsOf(principal, { ...settings, env })
    const sts = new STSClient({ ...settings, credentials })
    const asked = sts.send(new GetCallerIdentityCommand({}), { abortSignal: signal })
    const { Account: account, Arn: arn } = await Promise.race([asked, rejection(signal)])
    if (account && arn) return { account, arn }
    throw new UserError('AWS_REFUSED', `STS in ${region} did not say who calls; try again`)
  } catch (error) {
    const registry = { host: `STS in ${region}`, kind: 'private', region } as const
    throw explain(error, { registry, api: 'STS', action: 'GetCallerIdentity', principal, env })
  } finally {
    handler.requestHandler.destroy()
  }
}
