/** The registry behind the name: whether it is reached from here, and takes the token. */

import type { Token } from '../domain/token.ts'
import { type Finding, findingsOf } from './finding.ts'
import { codeOf } from './name.ts'
import type { Mapped, Scene } from './scene.ts'
import { addressesOf, askOver, bareHost } from './tls.ts'

/** As the sidecar reaches it, and engines that were set up to go there themselves. */
export async function checkRegistry(
  { host, mapping: { registry, connect } }: Mapped,
  token: Token | undefined,
  { env }: Pick<Scene, 'env'>,
): Promise<Finding> {
  const about = findingsOf('registry', host)
  // Daemons may go through a proxy, which is not looked at here.
  const hasProxy = Boolean(env['HTTPS_PROXY'] || env['https_proxy'])
  const away = hasProxy ? about.warning : about.broken
  const to = connect?.host ?? registry.host
  const port = connect?.port ?? 443
  try {
    await addressesOf(bareHost(to))
  } catch (error) {
    return away('unresolved', {
      what: `${to} does not resolve from here (${codeOf(error)})`,
      why: connect
        ? '"connect" leads there'
        : 'a region that does not exist, or a DNS that does not know it',
      fix: connect
        ? 'mend "connect" of the mapping'
        : 'check account and region of the mapping, then the DNS: ecr-cname map list',
    })
  }
  const site = { host: bareHost(to), port, name: registry.host }
  try {
    const headers = token && { authorization: `Basic ${btoa(`${token.username}:${token.secret}`)}` }
    const reply = await askOver(site, { path: '/v2/', isStrict: true, ...(headers && { headers }) })
    if (reply.status === 200) return about.ok(`${registry.host} is reached, and takes the token`)
    if (!token && reply.status === 401) return about.ok(`${registry.host} is reached`)
    return about.broken('refuses', {
      what: `${registry.host} is reached, and answers ${reply.status}`,
      why: 'it does not take the token that ECR handed out for this identity',
      fix: 'check that account and region of the mapping are those of the registry',
    })
  } catch (error) {
    const code = codeOf(error)
    if (/CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/.test(code)) {
      return about.broken('untrusted', {
        what: `the certificate at ${to}:${port} is not that of ${registry.host} (${code})`,
        why: 'TLS is inspected on the way, or something else answers there',
        fix: 'if TLS is inspected here, name the CA in NODE_EXTRA_CA_CERTS; else mend "connect" or the DNS',
      })
    }
    return away('unreachable', {
      what: `${to}:${port} is not reached from here (${code})`,
      why: 'neither the sidecar nor an engine on this machine can pull',
      fix: 'check routes, firewalls and VPC endpoints, or "connect" of the mapping',
    })
  }
}
