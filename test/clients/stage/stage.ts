/**
 * All of it, as in production: ECR under the names that AWS gives it, the sidecar under the company's, the
 * certificates where each client looks, and two registries that have nothing to do with us.
 */
import { afterAll, beforeAll, beforeEach } from 'vitest'

import { type Authority, openAuthority } from '../../emulator/certificates.ts'
import { startEcr, type Ecr } from './ecr.ts'
import { CNAME, OPEN, OTHER, SECOND, startNetwork, TEAM, THIRD } from './names.ts'
import { reasonNotToRun, type Program } from './needs.ts'
import { startOpenRegistry, startRegistryWithLogins } from './other-registries.ts'
import { installProduct, startSidecar } from './product.ts'
import { startWorld, type World } from './world.ts'

export type Stage = {
  readonly world: World
  readonly ecr: Ecr
  /** Whom the clients trust for the company's names. */
  readonly company: Authority
}

const ALWAYS = ['ip', 'iptables', 'curl', 'dnsmasq', 'docker-registry', 'busybox', 'aws'] as const

export type StageOptions = {
  /** What the tests need besides `ALWAYS`. */
  readonly programs?: readonly Program[]
  /** What is started besides. */
  readonly more?: readonly ((world: World) => Promise<void>)[]
  /** Other sidecars than one to which clients send their own tokens. */
  readonly sidecars?: (stage: Stage) => Promise<void>
}

/**
 * Sets the stage for the tests of a file. Where a program is missing they are skipped and say so; in CI they
 * fail.
 */
export function useStage({ programs = [], more = [], sidecars = one }: StageOptions): () => Stage {
  const reason = reasonNotToRun([...programs, ...ALWAYS])
  const isCi = process.env['CI'] !== undefined
  let world: World | undefined
  let stage: Stage | undefined

  beforeAll(async () => {
    if (reason !== undefined) return console.warn(reason)
    const { logs } = (world = await startWorld())
    try {
      stage = await setStage(world)
      await sidecars(stage)
      for (const start of more) await start(world)
    } catch (error) {
      throw new Error(`the stage could not be set\n${await logs()}`, { cause: error })
    }
  })
  beforeEach(({ skip, onTestFailed }) => {
    if (reason !== undefined && isCi) throw new Error(reason)
    if (reason !== undefined) skip(reason)
    onTestFailed(async () => console.error(await world?.logs()))
  })
  afterAll(() => world?.end())

  return () => {
    if (stage === undefined) throw new Error('the stage is not set')
    return stage
  }
}

const one = async ({ world, company }: Stage) => {
  await startSidecar(world, company)
}

async function setStage(world: World): Promise<Stage> {
  const company = openAuthority(world.outside('/run/company'))
  for (const clients of ['docker', 'containers']) {
    for (const host of [CNAME, TEAM, SECOND, THIRD, OTHER, OPEN]) {
      await world.succeed(`install -D /run/company/ca.pem /etc/${clients}/certs.d/${host}/ca.crt`)
    }
  }
  await installProduct(world)
  await startNetwork(world)
  const ecr = await startEcr(world)
  // As all the world trusts the authority that Amazon's certificates are from.
  await world.succeed(['sh', '-c', 'cat /run/amazon/ca.pem >>/etc/ssl/certs/ca-certificates.crt'])
  await startRegistryWithLogins(world, company.issue([OTHER]))
  await startOpenRegistry(world, company.issue([OPEN]))
  return { world, ecr, company }
}
