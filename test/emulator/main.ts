/** The emulator as a program: in the foreground, until it is told to stop. */

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

import { describe, listenAdmin } from './admin.ts'
import { type EmulatorOptions, startEmulator } from './emulator.ts'
import { parseSetting, type Settings } from './settings.ts'

const HELP = `An Amazon ECR on the loopback, for tests, demo and benchmarks.

Usage: node test/emulator/main.ts [flags]

  --account ID            account of the registry (123456789012)
  --region NAME           region of the registry (us-east-1)
  --address IP            address of the loopback (127.0.0.1)
  --api-port N            ECR, ECR Public, STS, SSO; each port is 0 by default: any that is free
  --api-tls-port N        the same over TLS
  --registry-port N
  --bucket-port N
  --metadata-port N       IMDSv2, and /v1/credentials for containers
  --admin-port N          GET / · GET|DELETE /calls · GET|PUT /settings · POST|DELETE /faults ·
                          POST /repositories {"name"} · POST /certificates {"names"} ·
                          POST /suspend|/resume {"listener"}
  --folder DIR            keeps the content of the registries (else it is gone at the end)
  --ca-folder DIR         keeps the certificate authority: ca.pem, ca.key
  --repository NAME       creates a repository; repeatable
  --certificate NAME,...  writes a certificate for these names; repeatable
  --set NAME=VALUE        a setting; the value is JSON or a text; repeatable
  --ready FILE            writes there what is printed once everything listens
  --help

Prints one line of JSON when it is ready: addresses, certificate authority, environments.

Example:
  node test/emulator/main.ts --repository team/app --set tokenSeconds=60
`

const FLAGS = {
  account: { type: 'string' },
  region: { type: 'string' },
  address: { type: 'string' },
  'api-port': { type: 'string' },
  'api-tls-port': { type: 'string' },
  'registry-port': { type: 'string' },
  'bucket-port': { type: 'string' },
  'metadata-port': { type: 'string' },
  'admin-port': { type: 'string' },
  folder: { type: 'string' },
  'ca-folder': { type: 'string' },
  repository: { type: 'string', multiple: true },
  certificate: { type: 'string', multiple: true },
  set: { type: 'string', multiple: true },
  ready: { type: 'string' },
  help: { type: 'boolean' },
} as const

type Flags = ReturnType<typeof parseArgs<{ options: typeof FLAGS }>>['values']

const run = async (values: Flags) => {
  const { account, region, address, folder } = values
  const emulator = await startEmulator({
    ...given({ account, region, address, folder, caFolder: values['ca-folder'] }),
    ports: {
      api: Number(values['api-port'] ?? 0),
      apiTls: Number(values['api-tls-port'] ?? 0),
      registry: Number(values['registry-port'] ?? 0),
      bucket: Number(values['bucket-port'] ?? 0),
      metadata: Number(values['metadata-port'] ?? 0),
    },
    settings: Object.assign({}, ...(values.set ?? []).map(parseSetting)) as Partial<Settings>,
  })
  for (const name of values.repository ?? []) await emulator.createRepository(name)
  const certificates = (values.certificate ?? []).map((names) => ({
    names,
    ...emulator.certificate(names.split(',')),
  }))
  const place = { address: address ?? '127.0.0.1', port: Number(values['admin-port'] ?? 0) }
  const admin = await listenAdmin(emulator, place)
  const adminUrl = `http://${place.address}:${admin.port}`
  const line = `${JSON.stringify({ ...describe(emulator, adminUrl), certificates })}\n`
  process.stdout.write(line)
  if (values.ready) writeFileSync(values.ready, line)
  const stop = () => {
    void Promise.all([admin.close(), emulator.close()])
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
}

/** What was named: an option that is there and undefined is another thing than one that is not. */
const given = (options: Readonly<Record<string, string | undefined>>): EmulatorOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))

const { values } = parseArgs({ options: FLAGS })
if (values.help) process.stdout.write(HELP)
else await run(values)
