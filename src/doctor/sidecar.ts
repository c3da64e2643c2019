/** The sidecar under the name: whether it is well, and gets through to the registry. */

import { toBasic } from '../domain/basic.ts'
import { oneLine } from '../domain/errors.ts'
import { loadConfig } from '../io/config.ts'
import { type Finding, findingsOf } from './finding.ts'
import { codeOf } from './name.ts'
import type { Login, Mapped, Scene } from './scene.ts'
import { askOver, askPlain, type Site, type Trusted } from './tls.ts'

type Around = {
  readonly site: Site
  readonly isLocal: boolean
  /** Authorities that vouch for it; without, nothing secret is sent there. */
  readonly trusted: Trusted
  readonly login: Login | undefined
  readonly scene: Scene
}

export async function checkSidecar(subject: Mapped, around: Around): Promise<Finding[]> {
  const about = findingsOf('sidecar', subject.host)
  try {
    const health = await askOver(around.site, { path: '/healthz', isStrict: false })
    const isOurs = health.status === 200 && health.text.includes('"status":"ok"')
    const findings = isOurs && around.isLocal ? await checkReadiness(subject, around) : []
    if (findings.length > 0) return findings
    return [await getThrough(subject, around, isOurs)]
  } catch (error) {
    return [
      about.broken('silent', {
        what: `it takes connections, and answers no request (${codeOf(error)})`,
        why: 'pulls wait, and are given up',
        fix: 'see its log, and start it again',
      }),
    ]
  }
}

async function checkReadiness({ host }: Mapped, { scene }: Around): Promise<Finding[]> {
  const admin = loadConfig(scene.env).proxy.admin ?? '127.0.0.1:9100'
  const [, address = '127.0.0.1', port = '9100'] = /^(.*):(\d+)$/.exec(admin) ?? []
  // Of older sidecars, or something else on that port: nothing is known then.
  const reply = await askPlain(address, Number(port), '/readyz').catch(() => undefined)
  if (reply?.status !== 503) return []
  const details = detailsOf(reply.text)
  return [
    findingsOf('sidecar', host).broken('unready', {
      what: `it says that it is not ready: ${details.join('; ') || 'without a reason'}`,
      why: 'load balancers and Kubernetes send no clients to it',
      fix: `see what it says: curl http://${admin}/readyz, and its log`,
    }),
  ]
}

function detailsOf(text: string): readonly string[] {
  try {
    const { checks } = JSON.parse(text) as { readonly checks?: unknown }
    const failed = (Array.isArray(checks) ? checks : []) as readonly Readonly<
      Record<string, unknown>
    >[]
    return failed
      .filter(({ ok }) => ok === false)
      .map(({ name, check, detail }) => `${String(name)}: ${String(check)}: ${String(detail)}`)
  } catch {
    return []
  }
}

async function getThrough(
  { host, mapping }: Mapped,
  { site, trusted, login }: Around,
  isOurs: boolean,
): Promise<Finding> {
  const about = findingsOf('sidecar', host)
  const who = isOurs ? 'the sidecar' : 'what answers there'
  const basic = login && `Basic ${toBasic(login)}`
  const { status, text } = await askOver(site, {
    path: '/v2/',
    isStrict: trusted !== undefined,
    ...(trusted && { trusted }),
    ...(trusted && basic && { headers: { authorization: basic } }),
  })
  if (status === 200) return about.ok(`${who} gets through to ${mapping.registry.host}`)
  if (status === 401 && !(trusted && basic)) return about.ok(`${who} asks for a login`)
  if (status === 401 || status === 403) {
    return about.warning('refuses', {
      what: `${who} refuses the credentials that our helper has (${status})`,
      why: 'it may have clients of its own, or another registry behind it than the one that is mapped',
      fix: `with a name and password for it: docker login ${host}; else check what it serves`,
    })
  }
  return about.broken('upstream', {
    what: `${who} answers ${status}: ${messageOf(text)}`,
    why: `it does not get through to ${mapping.registry.host}`,
    fix: isOurs
      ? 'see its log; check routes, DNS and "connect" where it runs'
      : 'check what it serves, or run: ecr-cname serve',
  })
}

// The text of a registry's error, and nothing else of what may be anything.
function messageOf(text: string): string {
  try {
    const { errors } = JSON.parse(text) as { readonly errors?: readonly { message?: unknown }[] }
    const message = errors?.[0]?.message
    return typeof message === 'string' ? oneLine(message) : 'no reason given'
  } catch {
    return 'no reason given'
  }
}
