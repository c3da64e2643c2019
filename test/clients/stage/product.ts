/** What `npm run build` made: the helper on PATH, and sidecars under the company's names. */
import { fileURLToPath } from 'node:url'

import type { Authority } from '../../emulator/certificates.ts'
import { DEVELOPER } from './ecr.ts'
import { ADDRESSES, CNAME, ECR } from './names.ts'
import { isListening, until } from './until.ts'
import { BIN, type Started, type World } from './world.ts'

const DIST = fileURLToPath(new URL('../../../dist', import.meta.url))

/** Installs and configures it for everyone. */
export async function installProduct(world: World) {
  const programs = ['ecr-cname', 'docker-credential-ecr-cname'].map((name) => `${DIST}/${name}`)
  await world.succeed(`mkdir ${BIN}`)
  await world.succeed(['cp', '--archive', ...programs, BIN])
  await world.write('/etc/ecr-cname/config.json', JSON.stringify({ registries: { [CNAME]: ECR } }))
}

export type SidecarOptions = {
  /** Of its log, and of its folder `/run/<name>`. */
  readonly name?: string
  /** Where it listens; on port 443. */
  readonly address?: string
  /** As in the configuration; each has a certificate of its own. */
  readonly registries?: Readonly<Record<string, unknown>>
  /** More keys of the configuration's `proxy`. */
  readonly proxy?: object
  /** More of its command line. */
  readonly flags?: readonly string[]
  /** A command that takes the one of the sidecar as its last words. */
  readonly by?: readonly string[]
}

export type Sidecar = Started & {
  /** Its folder; the certificate of a registry is there as `<host>.crt`, its key as `<host>.key`. */
  readonly folder: string
  /** The lines of its log. */
  readonly log: () => Promise<readonly Readonly<Record<string, unknown>>[]>
}

/** Starts one that has the developer's key, and waits until it listens. */
export async function startSidecar(
  world: World,
  company: Authority,
  options: SidecarOptions = {},
): Promise<Sidecar> {
  const { name = 'sidecar', address = ADDRESSES[CNAME], flags = [], by = [] } = options
  const { registries = { [CNAME]: ECR }, proxy } = options
  const folder = `/run/${name}`
  const hosts = Object.keys(registries)
  for (const host of hosts) await writeCertificate(world, company, { folder, host })
  const config = {
    registries,
    proxy: {
      listen: [`${address}:443`],
      tlsCert: hosts.map((host) => `${folder}/${host}.crt`),
      tlsKey: hosts.map((host) => `${folder}/${host}.key`),
      ...proxy,
    },
  }
  await world.write(`${folder}/config.json`, JSON.stringify(config))
  const started = await world.start(name, [...by, 'ecr-cname', 'serve', ...flags], {
    env: {
      HOME: folder,
      ECR_CNAME_CONFIG: `${folder}/config.json`,
      NODE_EXTRA_CA_CERTS: '/run/amazon/ca.pem',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: DEVELOPER.id,
      AWS_SECRET_ACCESS_KEY: DEVELOPER.secret,
    },
  })
  await until(name, () => isListening(world, `${address}:443`))
  return {
    ...started,
    folder,
    log: async () => {
      const lines = (await world.read(`/run/log/${name}`)).trimEnd().split('\n')
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    },
  }
}

export type CertificatePlace = { readonly folder: string; readonly host: string }

/** Writes a certificate for a name, and its key. */
export async function writeCertificate(
  world: World,
  authority: Authority,
  { folder, host }: CertificatePlace,
) {
  const { cert, key } = authority.issue([host])
  await world.write(`${folder}/${host}.crt`, cert)
  await world.write(`${folder}/${host}.key`, key)
}
