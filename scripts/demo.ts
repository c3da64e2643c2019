/**
 * The main job on an emulated ECR, with nothing but Node: mint, get, push and pull under a CNAME.
 * Exits 0 only if every step held, and leaves nothing running.
 */

import { createHash, randomBytes } from 'node:crypto'
import { execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { startEmulator } from '../test/emulator/emulator.ts'
import { createSend, pushImage } from '../test/emulator/registry-client.ts'

const CNAME = 'docker.company.test'
const HELPER = resolve('dist/docker-credential-ecr-cname')
const ECR_CNAME = resolve('dist/ecr-cname')

const home = mkdtempSync(join(tmpdir(), 'ecr-cname-demo-'))
const emulator = await startEmulator()
const { certFile, keyFile } = emulator.certificate([CNAME])
const ecr = emulator.registry.host
const env = { ...emulator.env('keys'), HOME: home }
await emulator.createRepository('team/app')
let stopSidecar = async (): Promise<void> => {}

try {
  say(`An emulated ECR serves ${ecr} on the loopback.`)

  await step(`${CNAME} is mapped to it`, async () => {
    const connect = `127.0.0.1:${emulator.registry.port}`
    const config = { registries: { [CNAME]: { registry: ecr, connect } } }
    mkdirSync(join(home, '.config/ecr-cname'), { recursive: true })
    writeFileSync(join(home, '.config/ecr-cname/config.json'), JSON.stringify(config))
    return JSON.stringify(config.registries)
  })

  const address = await step('the sidecar serves the name under its own certificate', async () => {
    const sidecar = await startSidecar()
    stopSidecar = sidecar.stop
    return sidecar.address
  })

  const first = await timed('get, minted by the AWS SDK')
  const second = await timed('get again, from the store')
  check(first.secret === second.secret, 'both are the same token')
  const count = emulator.calls.filter(
    ({ operation }) => operation === 'GetAuthorizationToken',
  ).length
  check(count === 1, 'AWS was asked once')

  const url = `https://${CNAME}:${address.split(':').at(-1)}/v2/team/app`
  const authorization = `Basic ${btoa(`AWS:${first.secret}`)}`
  const send = createSend(emulator)
  const layer = randomBytes(3_000_000)

  const pushed = await step(`push ${CNAME}/team/app:1`, async () => {
    const { digest, answer } = await pushImage(send, authorization, url, { tag: '1', layer })
    if (answer.status !== 201)
      throw new Error(`the push got ${answer.status}: ${answer.body.toString()}`)
    return digest
  })
  const pulled = await step(`pull ${CNAME}/team/app:1`, async () => {
    const manifest = await get(`${url}/manifests/1`)
    const { layers } = JSON.parse(manifest.toString()) as { layers: { digest: string }[] }
    for (const { digest } of layers) {
      const bytes = await get(`${url}/blobs/${digest}`)
      check(
        digestOf(bytes) === digest && bytes.equals(layer),
        'the layer is what its digest says, and what went up',
      )
    }
    return digestOf(manifest)
  })
  check(pulled === pushed, 'the manifest is the one that went up')

  say('\nThe store:')
  for (const file of readdirSync(join(home, '.cache/ecr-cname/tokens'))) say(`  tokens/${file}`)
  say('\nEvery step held.')
} catch (error) {
  say(`\n✗ ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  await stopSidecar()
  await emulator.close()
  rmSync(home, { recursive: true, force: true })
}

/** Follows a redirect to the bucket as clients do: without the registry's credentials. */
async function get(from: string): Promise<Buffer> {
  const send = createSend(emulator)
  const authorization = `Basic ${btoa(`AWS:${(await readReply()).Secret}`)}`
  const answer = await send('GET', from, { headers: { authorization } })
  const { status, body } =
    answer.status === 307 ? await send('GET', answer.headers.location ?? '') : answer
  if (status !== 200) throw new Error(`GET ${from} got ${status}: ${body.toString()}`)
  return body
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function check(held: boolean, what: string): void {
  if (!held) throw new Error(`it does not hold that ${what}`)
  say(`  ✓ ${what}`)
}

async function step(title: string, act: () => Promise<string>): Promise<string> {
  const started = performance.now()
  const result = await act()
  say(`\n✓ ${title} (${Math.round(performance.now() - started)} ms)\n  ${result}`)
  return result
}

async function timed(title: string): Promise<{ readonly secret: string }> {
  let secret = ''
  await step(title, async () => {
    const reply = await readReply()
    secret = reply.Secret
    const print = createHash('sha256').update(secret).digest('hex').slice(0, 12)
    return `username ${reply.Username}, a password of ${secret.length} characters (sha256 ${print}…)`
  })
  return { secret }
}

function readReply(): Promise<{ readonly Username: string; readonly Secret: string }> {
  return new Promise((done, fail) => {
    const child = execFile(HELPER, ['get'], { env }, (error, stdout) => {
      if (error) fail(new Error(`get ${CNAME}: ${stdout.trim() || error.message}`))
      else done(JSON.parse(stdout) as { Username: string; Secret: string })
    })
    child.stdin?.end(CNAME)
  })
}

type Sidecar = { readonly address: string; readonly stop: () => Promise<void> }

/** Starts the sidecar on a free port; its first line says which. */
async function startSidecar(): Promise<Sidecar> {
  const flags = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--log-format', 'json']
  const child = spawn(
    ECR_CNAME,
    ['serve', ...flags, '--tls-cert', certFile, '--tls-key', keyFile],
    {
      env,
      stdio: ['ignore', 'inherit', 'pipe'],
    },
  )
  const ended = new Promise<void>((done) => child.once('exit', () => done()))
  for await (const line of createInterface(child.stderr)) {
    const [address] = /127\.0\.0\.1:\d+/.exec(line) ?? []
    if (!address) throw new Error(`the sidecar says: ${line}`)
    return {
      address,
      stop: async () => {
        child.kill('SIGTERM')
        await ended
      },
    }
  }
  throw new Error('the sidecar ended at once')
}
