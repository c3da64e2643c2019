/** Whether a certificate holds for a name, now. */

import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import { type Finding, findingsOf } from './finding.ts'
import type { Mapped, Scene } from './scene.ts'
import { bareHost } from './tls.ts'

export type Seen = {
  readonly subject: Mapped
  readonly scene: Pick<Scene, 'now'>
  /** Address and port. */
  readonly where: string
  /** Engines that do not come here. */
  readonly spared: readonly string[]
}

const DAY_MS = 24 * 3600_000
const SOON_DAYS = 14

/** The first thing that is wrong with it, or that nothing is. */
export function judge(certificate: PeerCertificate, seen: Seen): Finding {
  return judgeNames(certificate, seen) ?? judgeTime(certificate, seen)
}

function judgeNames(
  certificate: PeerCertificate,
  { subject: { host, asked, mapping }, where }: Seen,
): Finding | undefined {
  const about = findingsOf('name', host)
  const name = bareHost(asked.host)
  if (!checkServerIdentity(name, certificate)) return undefined
  const names = certificate.subjectaltname?.replaceAll(/DNS:|IP Address:/g, '') ?? 'no name'
  if (/\.ecr[.-]|\.amazonaws\.com/.test(names)) {
    return about.broken('of-ecr', {
      what: `${where} is ECR itself, whose certificate holds for ${names}`,
      why: 'ECR has none for your name: "x509: certificate is valid for *.dkr.ecr…"',
      fix: `run the sidecar under it (ecr-cname serve), or have engines go to ${mapping.registry.host}: ecr-cname setup podman ${host}`,
    })
  }
  return about.broken('other-name', {
    what: `the certificate at ${where} holds for ${names}, not for ${name}`,
    why: 'clients refuse it: "x509: certificate is valid for …"',
    fix: `ecr-cname cert ${host}, and give the sidecar that one`,
  })
}

function judgeTime(
  certificate: PeerCertificate,
  { subject: { host }, scene, where, spared }: Seen,
): Finding {
  const about = findingsOf('name', host)
  const [from, to] = [Date.parse(certificate.valid_from), Date.parse(certificate.valid_to)]
  const now = scene.now()
  const renew = `ecr-cname cert ${host} --renew, or a new one of your own authority; the sidecar takes it by itself`
  if (now > to) {
    return about.broken('expired', {
      what: `the certificate at ${where} ended on ${day(to)}`,
      why: 'clients refuse it: "x509: certificate has expired"',
      fix: renew,
    })
  }
  if (now < from) {
    return about.broken('early', {
      what: `the certificate at ${where} begins on ${day(from)}`,
      why: 'clients refuse it: "x509: certificate has expired or is not yet valid"',
      fix: 'see that the clocks are right, then wait, or put the certificate from before back',
    })
  }
  if (to - now < SOON_DAYS * DAY_MS) {
    return about.warning('expiring', {
      what: `the certificate at ${where} ends on ${day(to)}`,
      why: 'from then on clients refuse it',
      fix: renew,
    })
  }
  const others =
    spared.length > 0 ? `; ${spared.join(' and ')} set up to pull from the registry itself` : ''
  return about.ok(`${where} has a certificate for it until ${day(to)}${others}`)
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}
