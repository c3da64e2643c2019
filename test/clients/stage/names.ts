/** The network of a world: names by a real dnsmasq, the only name server of its clients, and what they lead to. */
import { until } from './until.ts'
import type { World } from './world.ts'

/** The company's name for its registry: the sidecar. */
export const CNAME = 'docker.company.test'
/** A second name of the same sidecar's, and names of two sidecars more. */
export const TEAM = 'team.company.test'
export const SECOND = 'second.company.test'
export const THIRD = 'third.company.test'
/** Another one, without a sidecar: in the DNS an alias of ECR's own name. */
export const ALIAS = 'alias.company.test'
/** The name that README's examples have: an alias like that one. */
export const README = 'docker.company.com'
/** Another: in the DNS a TXT record names its registry. */
export const NOTED = 'noted.company.test'
/** An alias of ECR's name again, but of someone else. */
export const STRANGERS = 'docker.stranger.test'
/** A registry that is no ECR and has logins of its own, as ghcr.io has. */
export const OTHER = 'ghcr.test'
/** A registry that nobody needs a login for. */
export const OPEN = 'open.test'
export const ECR = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
/** The same account's in another region. */
export const REPLICA = '123456789012.dkr.ecr.eu-west-1.amazonaws.com'
/** In a third region, whose bucket no DNS knows: clients have no way to it. */
export const REMOTE = '123456789012.dkr.ecr.eu-central-1.amazonaws.com'
export const REMOTE_BUCKET = bucketIn('eu-central-1')

/** The emulator listens on the loopback alone, so all of its services share an address there. */
export const EMULATOR = '127.0.0.2'
export const PORTS = { bucket: 443, registry: 8443, 'api-tls': 9443, admin: 9000 } as const

// Addresses that are reserved for documentation: at loopback addresses an engine checks no certificate.
export const ADDRESSES = {
  [CNAME]: '192.0.2.1',
  [TEAM]: '192.0.2.1',
  [SECOND]: '192.0.2.2',
  [THIRD]: '192.0.2.3',
  [OTHER]: '192.0.2.4',
  [OPEN]: '192.0.2.5',
  [ECR]: '192.0.2.6',
  [REPLICA]: '192.0.2.7',
  [REMOTE]: '192.0.2.8',
} as const
const API = '192.0.2.9'

export async function startNetwork(world: World) {
  for (const address of new Set([...Object.values(ADDRESSES), API])) {
    await world.succeed(`ip address add ${address}/32 dev lo`)
  }
  for (const registry of [ECR, REPLICA, REMOTE] as const) await setReachable(world, registry, true)
  await lead(world, '--insert', { from: API, to: `${EMULATOR}:${PORTS['api-tls']}` })
  const hosts = Object.entries({
    ...ADDRESSES,
    ...Object.fromEntries(['us-east-1', 'eu-west-1', 'eu-central-1'].map((at) => [apiIn(at), API])),
    ...Object.fromEntries(['us-east-1', 'eu-west-1'].map((at) => [bucketIn(at), EMULATOR])),
  })
  const records = [
    // Has no other names in these zones, and says so; others it refuses to answer for.
    'local=/test/amazonaws.com/',
    ...hosts.map(([name, address]) => `host-record=${name},${address}`),
    `cname=${ALIAS},${ECR}`,
    `cname=${README},${ECR}`,
    `cname=${STRANGERS},${ECR}`,
    `txt-record=_ecr-cname.${NOTED},registry=${ECR}`,
  ]
  await world.write('/run/dnsmasq.conf', `${records.join('\n')}\n`)
  await world.start(
    'dnsmasq',
    `dnsmasq --keep-in-foreground --conf-file=/run/dnsmasq.conf --user=root --no-resolv --no-hosts
      --listen-address=127.0.0.1 --bind-interfaces --log-queries --log-facility=-`,
  )
  await until('dnsmasq', async () => (await world.run(`getent hosts ${ALIAS}`)).code === 0)
}

type Registry = typeof ECR | typeof REPLICA | typeof REMOTE

/** From now on, or no longer, new connections to a registry are refused. */
export async function setReachable(world: World, registry: Registry, isReachable: boolean) {
  await lead(world, isReachable ? '--insert' : '--delete', {
    from: ADDRESSES[registry],
    to: `${EMULATOR}:${PORTS.registry}`,
  })
}

export type Way = {
  /** An address. */
  readonly from: string
  /** An address and port. */
  readonly to: string
}

/** From now on, or no longer, new connections to port 443 of an address arrive elsewhere. */
export async function lead(world: World, action: '--insert' | '--delete', way: Way) {
  await world.succeed(
    `iptables --table nat ${action} OUTPUT --protocol tcp --destination ${way.from} --dport 443
      --jump DNAT --to-destination ${way.to}`,
  )
}

function apiIn(region: string) {
  return `api.ecr.${region}.amazonaws.com`
}

function bucketIn(region: string) {
  return `prod-${region}-starport-layer-bucket.s3.${region}.amazonaws.com`
}
