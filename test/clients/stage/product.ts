/** What `npm run build` made: the helper on PATH, the sidecar under the company's name. */
import { fileURLToPath } from 'node:url'

import type { Leaf } from '../../emulator/certificates.ts'
import { ADDRESSES, CNAME, ECR } from './names.ts'
import { isListening, until } from './until.ts'
import { BIN, type World } from './world.ts'

const DIST = fileURLToPath(new URL('../../../dist', import.meta.url))

/** Installs and configures it for everyone. */
export async function installProduct(world: World) {
  const programs = ['ecr-cname', 'docker-credential-ecr-cname'].map((name) => `${DIST}/${name}`)
  await world.succeed(`mkdir ${BIN}`)
  await world.succeed(['cp', '--archive', ...programs, BIN])
  await world.write('/etc/ecr-cname/config.json', JSON.stringify({ registries: { [CNAME]: ECR } }))
}

export async function startSidecar(world: World, { cert, key }: Leaf) {
  const address = `${ADDRESSES[CNAME]}:443`
  const files = { certificate: '/run/sidecar/tls.crt', key: '/run/sidecar/tls.key' }
  await world.write(files.certificate, cert)
  await world.write(files.key, key)
  await world.start(
    'sidecar',
    `ecr-cname serve --listen ${address} --tls-cert ${files.certificate} --tls-key ${files.key}`,
    { env: { NODE_EXTRA_CA_CERTS: '/run/amazon/ca.pem' } },
  )
  await until('the sidecar', () => isListening(world, address))
}
