/** Who trusts the certificate under the name. */

import { findAuthority } from '../certificates/folder.ts'
import { addTrust, type Truster, trustOf } from '../certificates/trust.ts'
import { configFiles } from '../front/places.ts'
import { authoritiesOf, type Clients } from './clients.ts'
import { type Finding, findingsOf } from './finding.ts'
import type { Mapped, Scene } from './scene.ts'
import { certificateAt, type Site, type Trusted } from './tls.ts'

export type TrustFound = {
  readonly findings: readonly Finding[]
  /** Authorities by which it is trusted; undefined where nobody trusts it. */
  readonly trusted?: NonNullable<Trusted>
}

type Around = { readonly site: Site; readonly clients: Clients; readonly scene: Scene }

export async function checkTrust(
  { host }: Mapped,
  { site, clients, scene }: Around,
): Promise<TrustFound> {
  const about = findingsOf('trust', host)
  const judged = await Promise.all(
    clients.direct.map(async (truster) => {
      const authorities = authoritiesOf(truster, host, scene)
      const { distrust } = await certificateAt(site, authorities)
      return { truster, authorities, distrust }
    }),
  )
  const own = await ownAuthority(site, scene)
  const findings = judged.map(({ truster, distrust }) =>
    distrust === undefined
      ? about.ok(`${NAMES[truster]} trusts the certificate`)
      : distrusted(host, { truster, distrust, own, scene }),
  )
  const trusted = judged.find(({ distrust }) => distrust === undefined)?.authorities
  return { findings, ...(trusted && { trusted }) }
}

const NAMES: Readonly<Record<Truster, string>> = {
  docker: 'docker',
  podman: 'podman',
  containerd: 'containerd',
  system: 'the system',
}

type Distrusted = {
  readonly truster: Truster
  readonly distrust: string
  readonly own: string | undefined
  readonly scene: Scene
}

function distrusted(host: string, { truster, distrust, own, scene }: Distrusted): Finding {
  const trust = trustOf(truster, host, scene.root)
  const after = trust.command ? ` && sudo ${trust.command.join(' ')}` : ''
  return findingsOf('trust', host).broken(truster, {
    what: `${NAMES[truster]} does not trust the certificate (${distrust})`,
    why: 'pulls end with "x509: certificate signed by unknown authority"',
    fix:
      own === undefined
        ? `sudo install -D -m 644 CA.pem ${trust.file}${after}, with the certificate of your authority as CA.pem`
        : {
            command: `sudo ecr-cname cert ${host} --install --for ${truster} --dir ${folderOf(scene)}`,
            // The system's list is made by a program of the system.
            ...(trust.command ? {} : { mend: () => addTrust(trust, own, folderOf(scene)) }),
          },
  })
}

/** The authority of `ecr-cname cert`, if it is the one that vouches for the certificate. */
async function ownAuthority(site: Site, scene: Scene): Promise<string | undefined> {
  const own = findAuthority(folderOf(scene))
  if (own === undefined) return undefined
  const { distrust } = await certificateAt(site, [own])
  return distrust === undefined ? own : undefined
}

// Where `ecr-cname cert` founds one.
function folderOf({ env }: Scene): string {
  return (configFiles(env).at(-1) ?? '').replace(/[^/\\]*$/, 'tls')
}
