/** The network of a world: names by a real dnsmasq, the only name server of its clients, and what they lead to. */
import { until } from './until.ts'
import type { World } from './world.ts'

/** The company's name for its registry: the sidecar. */
export const CNAME = 'docker.company.test'
/** Another one, without a sidecar: in the DNS an alias of ECR's own name. */
export const ALIAS = 'alias.company.test'
/** A third: in the DNS a TXT record names its registry. */
export const NOTED = 'noted.company.test'
/** An alias of ECR's name again, but of someone else. */
export const STRANGERS = 'docker.stranger.test'
/** A registry that is no ECR and has logins of its own, as ghcr.io has. */
export const OTHER = 'ghcr.test'
/** A registry that nobody needs a login for. */
export const OPEN = 'open.test'
export const ECR = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const API = 'api.ecr.us-east-1.amazonaws.com'
const BUCKET = 'prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com'

/** The emulator listens on the loopback alone, so all of its services share an address there. */
export const EMULATOR = '127.0.0.2'
export const PORTS = { bucket: 443, registry: 8443, 'api-tls': 9443, admin: 9000 } as const

// Addresses that are reserved for documentation: at loopback addresses an engine checks no certificate.
export const ADDRESSES = {
  [CNAME]: '192.0.2.1',
  [OTHER]: '192.0.2.2',
  [OPEN]: '192.0.2.3',
  [ECR]: '192.0.2.4',
  [API]: '192.0.2.5',
} as const

export async function startNetwork(world: World) {
  for (const address of Object.values(ADDRESSES)) {
    await world.succeed(`ip address add ${address}/32 dev lo`)
  }
  await lead(world, ADDRESSES[ECR], PORTS.registry)
  await lead(world, ADDRESSES[API], PORTS['api-tls'])
  const hosts = Object.entries({ ...ADDRESSES, [BUCKET]: EMULATOR })
  const records = [
    // Has no other names in these zones, and says so; others it refuses to answer for.
    'local=/test/amazonaws.com/',
    ...hosts.map(([name, address]) => `host-record=${name},${address}`),
    `cname=${ALIAS},${ECR}`,
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

/** What is sent to port 443 of an address arrives at a port of the emulator. */
const lead = (world: World, address: string, port: number) =>
  world.succeed(
    `iptables --table nat --append OUTPUT --protocol tcp --destination ${address} --dport 443
      --jump DNAT --to-destination ${EMULATOR}:${port}`,
  )
