/** What every part of the emulator works with. */

import type { Content } from './content.ts'
import type { Exchange, Refusal } from './exchange.ts'
import type { Identities } from './identities.ts'
import type { Settings } from './settings.ts'

export type Ports = {
  readonly api: number
  readonly apiTls: number
  readonly registry: number
  readonly bucket: number
  readonly metadata: number
}

export type Emulation = {
  readonly account: string
  readonly region: string
  readonly settings: Settings
  readonly now: () => Date
  readonly identities: Identities
  readonly content: Content
  /** Seals the tokens and signs the bucket's URLs; kept with the content. */
  readonly key: Buffer
  /** Known once everything listens. */
  readonly ports: () => Ports
}

/** What somebody wants to do, on what: an IAM action and an ARN. */
export type Deed = { readonly action: string; readonly resource: string }

/** Refuses unless the caller's policy, and no fault, allows a deed; in the words of AWS. */
export function authorise(
  { identities }: Emulation,
  { call, fault }: Exchange,
  { action, resource }: Deed,
  refusal: (message: string) => Refusal,
): void {
  const arn = call.principal ?? ''
  if (fault?.kind !== 'deny' && identities.allows(arn, action)) return
  throw refusal(
    `User: ${arn} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`,
  )
}
