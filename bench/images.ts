/**
 * `pull` and `push` beside skopeo and crane, from the emulator over TLS, whose layers nginx hands
 * out; then over a way with delay and loss (delay.ts). Rounds are taken in turn, and figures are
 * medians of ratios within a round, for the machine's speed drifts.
 *
 *     apt-get install -y nginx skopeo && npm run build && CRANE=$(which crane) node bench/images.ts [rounds]
 *
 * Needs root, for a network and an /etc/hosts of its own. BENCH_MB is the image's size.
 */

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join, resolve } from 'node:path'
import { type Emulator, startEmulator } from '../test/emulator/emulator.ts'
import { logInTo } from '../test/emulator/running.ts'
import { median, ratio, table } from './figures.ts'
import { LAYERS, makeImage } from '../test/emulator/image.ts'

const NAME = 'docker.company.test'
const ROUNDS = Number(process.argv[2] ?? 5)
const MB = Number(process.env['BENCH_MB'] ?? 500)
// Over the slow way; more would take hours, and no other ratio.
const SLOW_ROUNDS = Math.ceil(ROUNDS / 3)
const SLOW_MB = MB / 50
const [DELAY_MS, LOSS] = [40, 0.01]
const CRANE = process.env['CRANE'] ?? 'crane'
const OWN = resolve('dist/ecr-cname')
// Names, for crane follows no redirect to an address of this machine.
const BUCKET = { port: 7443, near: 'layers.test', far: 'far-layers.test' }
const FAR = '127.0.0.2'

type Tool = 'ecr-cname' | 'skopeo' | 'crane'
const TOOLS: readonly Tool[] = ['ecr-cname', 'skopeo', 'crane']

/** Seconds, and MiB at most. */
type Run = { readonly seconds: number; readonly peak: number }

type Stage = {
  readonly folder: string
  readonly emulator: Emulator
  readonly repository: string
  /** What Go's programs call the registry. */
  readonly registry: string
  readonly env: Readonly<Record<string, string>>
}

const children: ChildProcess[] = []
const FOLDER = process.env['BENCH_FOLDER']
if (FOLDER === undefined) await inNamespace()
else await main(FOLDER)

// Go's programs go by names alone; in here the registry's leads to this machine.
async function inNamespace(): Promise<void> {
  // In memory, so that no disk is measured.
  const folder = mkdtempSync('/dev/shm/ecr-cname-images-')
  const begin = ['sh', '-c', 'ip link set lo up && exec "$0" "$@"', process.execPath]
  const args = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', ...begin]
  const env = { ...process.env, BENCH_FOLDER: folder }
  const child = spawn('unshare', [...args, ...process.argv.slice(1)], { stdio: 'inherit', env })
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  signals.forEach((signal) => process.on(signal, () => child.kill('SIGKILL')))
  const code = await new Promise<number | null>((done) => {
    child.on('error', () => done(1)).on('close', done)
  })
  rmSync(folder, { recursive: true, force: true })
  process.exitCode = code ?? 1
}

async function main(folder: string): Promise<void> {
  try {
    const settings = { bucketHost: BUCKET.near, locationPort: true }
    const ports = { bucket: BUCKET.port }
    const emulator = await startEmulator({ folder: join(folder, 'ecr'), ports, settings })
    const authorization = await logInTo(emulator)
    await makeImage(emulator, authorization, 'app', MB * 1e6)
    await makeImage(emulator, authorization, 'slow', SLOW_MB * 1e6)
    await startNginx(folder, emulator)
    const near = setStage({ folder, emulator }, authorization, 'app', '127.0.0.1')
    // The first round is for what is read from disk once.
    const nearest = (await measure(near, ROUNDS + 1)).map(withoutFirst)
    print(`${MB} MB in ${LAYERS} layers, ${ROUNDS} rounds`, nearest)
    await openWay([emulator.registry.port, BUCKET.port])
    emulator.settings.bucketHost = BUCKET.far
    const far = setStage({ folder, emulator }, authorization, 'slow', FAR)
    const way = `${2 * DELAY_MS} ms and ${LOSS * 100} % loss between`
    const title = `${SLOW_MB} MB in ${LAYERS} layers, ${SLOW_ROUNDS} rounds, ${way}`
    print(title, await measure(far, SLOW_ROUNDS))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  } finally {
    children.forEach((child) => child.kill())
    spawnSync('umount', ['--all-targets', '--lazy', '/etc/hosts'], { stdio: 'ignore' })
  }
  process.exit()
}

function setStage(
  { folder, emulator }: Pick<Stage, 'folder' | 'emulator'>,
  authorization: string,
  repository: string,
  address: string,
): Stage {
  const { host, port } = emulator.registry
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const hosts = file(
    'hosts',
    `127.0.0.1 localhost ${BUCKET.near}\n${address} ${host} ${NAME}\n${FAR} ${BUCKET.far}\n`,
  )
  execFileSync('mount', ['--bind', hosts, '/etc/hosts'])
  const registry = `${host}:${port}`
  mkdirSync(join(folder, 'docker'), { recursive: true })
  mkdirSync(join(folder, 'tmp'), { recursive: true })
  const auth = authorization.replace('Basic ', '')
  const login = file('docker/config.json', JSON.stringify({ auths: { [registry]: { auth } } }))
  const mapping = { registry: host, connect: `${address}:${port}` }
  const env = {
    ...emulator.env('keys'),
    HOME: folder,
    TMPDIR: join(folder, 'tmp'),
    ECR_CNAME_CONFIG: file('config.json', JSON.stringify({ registries: { [NAME]: mapping } })),
    SSL_CERT_FILE: emulator.caFile,
    DOCKER_CONFIG: join(folder, 'docker'),
    REGISTRY_AUTH_FILE: login,
  }
  return { folder, emulator, repository, registry, env }
}

/** Hands out the layers where the emulator's bucket was, which would be slower than its clients. */
async function startNginx(folder: string, emulator: Emulator): Promise<void> {
  await emulator.suspend('bucket')
  const { certFile, keyFile } = emulator.certificate([BUCKET.near, BUCKET.far])
  const file = join(folder, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/nginx-${kind};`)
    .join('\n')
  writeFileSync(
    file,
    `user root; daemon off; worker_processes 1;
    pid ${folder}/nginx.pid; error_log ${folder}/nginx.error;
    events { worker_connections 1024; }
    http {
      ${temporary} sendfile on; access_log off; keepalive_requests 100000;
      server {
        listen 127.0.0.1:${BUCKET.port} ssl;
        ssl_certificate ${certFile}; ssl_certificate_key ${keyFile};
        location ~ "([0-9]{12}\\.[a-z0-9-]+)/([a-z0-9-]+)/sha256:([0-9a-f]+)$" {
          alias ${folder}/ecr/registries/$1/$2/blobs/$3;
        }
      }
    }`,
  )
  const child = spawn('nginx', ['-c', file, '-e', join(folder, 'nginx.error')], {
    stdio: 'inherit',
  })
  children.push(child)
  await new Promise((done) => setTimeout(done, 500))
}

async function openWay(ports: readonly number[]): Promise<void> {
  const args = [FAR, DELAY_MS, LOSS, ...ports].map(String)
  const child = spawn(process.execPath, [join(import.meta.dirname, 'way.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  await new Promise((done) => child.stdout.once('data', done))
}

type Job = {
  readonly title: string
  readonly prepare?: (tool: Tool, round: number) => Promise<void> | void
  readonly command: (tool: Tool, round: number) => readonly string[]
}

function jobsOf({ folder, repository, emulator, registry }: Stage): readonly Job[] {
  const out = (tool: Tool, kind: string) => join(folder, `${repository}-${tool}-${kind}`)
  const remove = (path: string) => rmSync(path, { recursive: true, force: true })
  const cold = (kind: string) => (tool: Tool) => {
    remove(out(tool, kind))
    remove(join(folder, '.cache/ecr-cname/layers'))
  }
  const pull = (kind: 'docker' | 'oci') => (tool: Tool) => {
    const to = out(tool, kind)
    const from = `${registry}/${repository}:1`
    const format = kind === 'docker' ? 'tarball' : 'oci'
    if (tool === 'crane') return [CRANE, 'pull', '--format', format, from, to]
    if (tool === 'ecr-cname') {
      return [OWN, 'pull', `${NAME}/${repository}:1`, '-o', to, '--format', kind, '--quiet']
    }
    const target = kind === 'docker' ? `docker-archive:${to}:app:1` : `oci:${to}:1`
    return ['skopeo', 'copy', '--quiet', `docker://${from}`, target]
  }
  const copy = (tool: Tool, round: number) => `${repository}-${tool}-${round}`
  const push = (tool: Tool, round: number) => {
    const from = out(tool, 'oci')
    const to = `${copy(tool, round)}:1`
    if (tool === 'crane') return [CRANE, 'push', from, `${registry}/${to}`]
    if (tool === 'ecr-cname') return [OWN, 'push', from, `${NAME}/${to}`, '--quiet']
    return ['skopeo', 'copy', '--quiet', `oci:${from}:1`, `docker://${registry}/${to}`]
  }
  const create = (tool: Tool, round: number) => emulator.createRepository(copy(tool, round))
  const again = (kind: string) => (tool: Tool) => remove(out(tool, kind))
  const uncached = (tool: Tool) => [
    ...pull('oci')(tool),
    ...(tool === 'ecr-cname' ? ['--no-cache'] : []),
  ]
  return [
    { title: 'pull, docker archive', prepare: cold('docker'), command: pull('docker') },
    { title: 'pull, docker archive, again', prepare: again('docker'), command: pull('docker') },
    { title: 'pull, OCI folder', prepare: cold('oci'), command: pull('oci') },
    { title: 'pull, OCI folder, again', prepare: again('oci'), command: pull('oci') },
    { title: 'pull, OCI folder, no cache', prepare: cold('oci'), command: uncached },
    { title: 'push, empty repository', prepare: create, command: push },
    { title: 'push, full repository', command: push },
  ]
}

type Measured = { readonly title: string; readonly runs: Readonly<Record<Tool, Run[]>> }

/** Every round has each job by each tool one after the other, now one first and now another. */
async function measure(stage: Stage, rounds: number): Promise<readonly Measured[]> {
  const jobs = jobsOf(stage)
  const all = jobs.map(({ title }): Measured => {
    return { title, runs: { 'ecr-cname': [], skopeo: [], crane: [] } }
  })
  for (let round = 0; round < rounds; round++) {
    for (const tool of TOOLS.map((_, turn) => TOOLS[(turn + round) % TOOLS.length])) {
      if (!tool) continue
      for (const [index, { prepare, command }] of jobs.entries()) {
        await prepare?.(tool, round)
        const run = await time(command(tool, round), stage.env)
        all[index]?.runs[tool].push(run)
      }
      const { account, region } = stage.emulator
      const name = `${account}.${region}/${stage.repository}-${tool}-${round}`
      rmSync(join(stage.folder, 'ecr/registries', name), { recursive: true, force: true })
    }
  }
  return all
}

function withoutFirst({ title, runs }: Measured): Measured {
  const [own, skopeo, crane] = TOOLS.map((tool) => runs[tool].slice(1))
  return { title, runs: { 'ecr-cname': own ?? [], skopeo: skopeo ?? [], crane: crane ?? [] } }
}

function print(title: string, measured: readonly Measured[]): void {
  const seconds = (runs: readonly Run[] = []) => runs.map((one) => one.seconds)
  const cold = seconds(measured[0]?.runs['ecr-cname'])
  const rows = measured.map(({ title: name, runs }) => {
    const own = seconds(runs['ecr-cname'])
    return [
      name,
      ratio(own, seconds(runs.skopeo)).toFixed(2),
      ratio(own, seconds(runs.crane)).toFixed(2),
      ratio(own, cold).toFixed(2),
      ...TOOLS.map((tool) => median(seconds(runs[tool])).toFixed(2)),
      Math.max(...runs['ecr-cname'].map(({ peak }) => peak)).toFixed(0),
    ]
  })
  const head = ['', '÷ skopeo', '÷ crane', '÷ cold', 'ours s', 'skopeo s', 'crane s', 'peak MiB']
  process.stdout.write(
    `${title}, load average ${loadavg()[0]?.toFixed(1)}\n\n${table(head, rows)}\n`,
  )
}

async function time(
  [program = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Run> {
  const began = performance.now()
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let [stderr, peak] = ['', 0]
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()))
  const watch = setInterval(() => (peak = Math.max(peak, peakOf(child.pid ?? 0))), 20)
  const code = await new Promise((done, fail) => child.on('error', fail).on('close', done))
  clearInterval(watch)
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`)
  return { seconds: (performance.now() - began) / 1000, peak }
}

/** MiB; 0 of a process that has ended. */
function peakOf(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}
