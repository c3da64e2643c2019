/** What IAM and the repository's own policy allow, and what is missing as a policy to paste. */

import type { Caller } from '../aws/caller.ts'
import { type Denial, LIST_ACTIONS, type Probed, PULL_ACTIONS } from '../aws/probe.ts'
import type { Registry } from '../domain/registry.ts'
import { type Finding, findingsOf } from './finding.ts'
import { identityPolicy, repositoryPolicy } from './policy.ts'
import type { Mapped } from './scene.ts'

export function checkPermissions(
  { host, mapping: { registry } }: Mapped,
  probed: Probed,
  caller: Caller | undefined,
): Finding[] {
  const about = findingsOf('permissions', host)
  const { repository, isAbsent, denied, unknown } = probed
  if (isAbsent && repository !== undefined) {
    return [
      about.broken('repository-missing', {
        what: `there is no repository ${repository} in ${registry.host}`,
        why: 'a pull is told "not found", and a push is cut off without a word',
        fix: `aws ecr create-repository --repository-name ${repository} --region ${registry.region}`,
      }),
    ]
  }
  const of = (actions: readonly string[]) => denied.filter(({ action }) => actions.includes(action))
  const who = caller && identityArn(caller.arn)
  const seen = { host, registry, repository, who }
  const findings = [
    ...(of(PULL_ACTIONS).length > 0 ? [forPulls(of(PULL_ACTIONS), seen)] : []),
    ...(of(LIST_ACTIONS).length > 0 ? [forLists(of(LIST_ACTIONS), seen)] : []),
    ...(unknown.length > 0
      ? [about.skipped(`AWS did not say whether it allows ${unknown.join(', ')}`)]
      : []),
  ]
  if (findings.length > 0) return findings
  const where = repository === undefined ? '' : ` of ${repository}`
  return [about.ok(`pulls${where} are allowed; pushes are not tried, for that would begin one`)]
}

type Seen = {
  readonly host: string
  readonly registry: Registry
  readonly repository: string | undefined
  /** The user or role that asks. */
  readonly who: string | undefined
}

function forPulls(denied: readonly Denial[], { host, registry, repository, who }: Seen): Finding {
  const about = findingsOf('permissions', host)
  const actions = denied.map(({ action }) => action)
  const isTheirs = denied.every(({ message }) => message.includes('resource-based policy'))
  if (isTheirs && repository !== undefined) {
    const { region } = registry
    return about.broken('repository-policy', {
      what: `the policy of ${repository} does not allow ${actions.join(', ')}`,
      why: 'a repository has a policy of its own, which has a say too, above all for other accounts',
      fix: {
        command: `aws ecr set-repository-policy --repository-name ${repository} --region ${region} --policy-text file://policy.json, with this in it:`,
        paste: repositoryPolicy(actions, who ?? '*'),
      },
    })
  }
  // A policy for certain repositories says nothing of one that is not there.
  const report = repository === undefined ? about.warning : about.broken
  return report('missing', {
    what: `not allowed: ${actions.join(', ')}${whose(denied[0])}`,
    why: 'pulls end with 403 Forbidden although the login went well',
    fix: {
      command: `add this to the policy of ${who ?? 'the AWS identity'}:`,
      paste: identityPolicy(actions, registry, repository),
    },
  })
}

function forLists(denied: readonly Denial[], { host, registry, who }: Seen): Finding {
  const actions = denied.map(({ action }) => action)
  return findingsOf('permissions', host).warning('lists', {
    what: `not allowed: ${actions.join(', ')}${whose(denied[0])}`,
    why: 'repositories and tags can not be listed; pulls do not need it',
    fix: {
      command: `if lists are wanted, add this to the policy of ${who ?? 'the AWS identity'}:`,
      paste: identityPolicy(actions, registry),
    },
  })
}

/** Which policy says no, where AWS tells. */
function whose(denial: Denial | undefined): string {
  const [, policy] =
    /((?:service control|resource control|VPC endpoint) policy|permissions boundary)/.exec(
      denial?.message ?? '',
    ) ?? []
  return policy ? `, by a ${policy}` : ''
}

/** The role behind a session, for a policy is written for that. */
function identityArn(arn: string): string {
  const [, partition, account, role] =
    /^arn:([\w-]+):sts::(\d{12}):assumed-role\/([^/]+)\//.exec(arn) ?? []
  return role ? `arn:${partition}:iam::${account}:role/${role}` : arn
}
