/** AWS: who asks, its clock, whether it hands out a token, and what it allows. */

import { type Caller, callerOf } from '../aws/caller.ts'
import { mint } from '../aws/mint.ts'
import { probe, type Probed } from '../aws/probe.ts'
import { sourceOf } from '../aws/source.ts'
import type { UserError } from '../domain/errors.ts'
import type { Token } from '../domain/token.ts'
import { causeOf, toFault } from './fault.ts'
import { type Finding, findingsOf, type Link } from './finding.ts'
import { checkPermissions } from './permissions.ts'
import { mintPolicy } from './policy.ts'
import type { Mapped, Scene } from './scene.ts'

export type AtAws = { readonly findings: readonly Finding[]; readonly token?: Token }

// A session may have to be renewed first, over SSO or STS.
const PATIENCE_MS = 5000
const LATER: readonly Link[] = ['clock', 'token', 'permissions']

export async function checkAws(subject: Mapped, scene: Scene): Promise<AtAws> {
  const { host } = subject
  if (scene.isOffline) return { findings: skipAll(host, ['identity', ...LATER], 'offline') }
  const { finding, caller } = await checkIdentity(subject, scene)
  if (finding.state === 'broken' || finding.state === 'skipped') {
    return { findings: [finding, ...skipAll(host, LATER, 'there is no AWS identity')] }
  }
  const [minted, probed] = await Promise.all([
    checkToken(subject, scene),
    subject.mapping.registry.kind === 'private' ? probeFor(subject, scene) : undefined,
  ])
  const granted = probed
    ? checkPermissions(subject, probed, caller)
    : [findingsOf('permissions', host).skipped('anyone may pull from the public gallery')]
  const findings = [finding, checkClock(host, probed), minted.finding, ...granted]
  return { findings, ...(minted.token && { token: minted.token }) }
}

function skipAll(host: string, links: readonly Link[], reason: string): Finding[] {
  return links.map((link) => findingsOf(link, host).skipped(reason))
}

type Identity = { readonly finding: Finding; readonly caller?: Caller }

async function checkIdentity({ host, mapping }: Mapped, { env }: Scene): Promise<Identity> {
  const about = findingsOf('identity', host)
  const source = await sourceOf(mapping, env)
  try {
    const caller = await callerOf(mapping, mapping.registry.region, {
      env,
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    return { finding: about.ok(`${caller.arn}, by ${source}`), caller }
  } catch (error) {
    const { kind } = mapping.registry
    const { code } = error as UserError
    if (kind === 'public' && !mapping.profile && !mapping.roleArn && code === 'NO_CREDENTIALS') {
      return { finding: about.skipped('no AWS credentials: pulls from the gallery are anonymous') }
    }
    const trouble = { ...toFault(error), why: 'tokens are handed out to AWS identities alone' }
    if (code !== 'UNREACHABLE' && code !== 'TIMEOUT') {
      return { finding: about.broken(identityFault(error), trouble) }
    }
    const why = 'STS is not needed for a pull, unless a role is assumed; then the token fails too'
    return { finding: about.warning('unreachable', { ...trouble, why }) }
  }
}

function identityFault(error: unknown): string {
  const { code } = error as UserError
  if (code === 'NO_CREDENTIALS') return 'missing'
  if (code === 'ACCESS_DENIED') return 'denied'
  return causeOf(error).includes('Expired') ? 'expired' : 'refused'
}

type Minted = { readonly finding: Finding; readonly token?: Token }

async function checkToken({ host, mapping }: Mapped, { env, now }: Scene): Promise<Minted> {
  const about = findingsOf('token', host)
  const { registry } = mapping
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const token = await mint(registry, mapping, { env, signal })
    const hours = token.expiresAt && Math.round((token.expiresAt - now()) / 3600_000)
    return { finding: about.ok(`ECR hands one out${hours ? `, for ${hours} h` : ''}`), token }
  } catch (error) {
    const trouble = { ...toFault(error), why: 'without a token nothing is pulled or pushed' }
    const { code } = error as UserError
    if (code === 'ACCESS_DENIED') {
      const fix = { command: `${trouble.fix}, by this policy:`, paste: mintPolicy(registry) }
      return { finding: about.broken('denied', { ...trouble, fix }) }
    }
    const isAway = code === 'UNREACHABLE' || code === 'TIMEOUT'
    return { finding: about.broken(isAway ? 'unreachable' : 'refused', trouble) }
  }
}

async function probeFor({ mapping, repository }: Mapped, scene: Scene): Promise<Probed> {
  const { prefix = '', registry } = mapping
  return await probe(registry, mapping, {
    env: scene.env,
    now: scene.now,
    signal: AbortSignal.timeout(PATIENCE_MS),
    ...(repository === undefined ? {} : { repository: `${prefix}${repository}` }),
  })
}

// Signatures are refused from 5 minutes on in some services, and from 15 in all.
const MOST_SKEW_MS = 5 * 60_000

function checkClock(host: string, probed: Probed | undefined): Finding {
  const about = findingsOf('clock', host)
  const offset = probed?.clockOffset
  if (offset === undefined) return about.skipped('no answer of AWS tells the time')
  const minutes = Math.round(Math.abs(offset) / 60_000)
  if (Math.abs(offset) < MOST_SKEW_MS) return about.ok('within 5 minutes of that of AWS')
  return about.broken('off', {
    what: `the clock of this machine is ${minutes} min ${offset > 0 ? 'behind' : 'ahead of'} that of AWS`,
    why: 'AWS refuses signatures, certificates seem not to hold, and tokens end sooner or later than told',
    fix: 'sudo timedatectl set-ntp true',
  })
}
