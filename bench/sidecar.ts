/**
 * The sidecar beside nginx, as TLS reverse proxies with the same certificate in front of the same
 * upstream: a blob of 1 GiB down and up, memory, and manifests a second. Rounds are taken in turn
 * and figures are medians of ratios within a round, for the machine's speed drifts.
 *
 *     apt-get install -y nginx wrk curl && npm run build && node bench/sidecar.ts [rounds]
 */

import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { randomBytes } from 'node:crypto'
import { openAuthority } from '../test/emulator/certificates.ts'
import { median, ratio as ratioOf } from './figures.ts'

const NAME = 'docker.company.test'
const REGISTRY = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const BLOB = 1024 ** 3
const ROUNDS = Number(process.argv[2] ?? 5)
const WRK_SECONDS = 5

type Proxy = {
  readonly name: string
  readonly port: number
  readonly pid: number
  /** MiB of memory before the first request. */
  readonly idle: number
}
/** Megabytes a second, the proxy's CPU seconds, and its memory at most in MiB. */
type Transfer = {
  readonly speed: number
  readonly cpu: number
  readonly peak: number
  readonly growth: number
}
/** GETs a second, milliseconds, and CPU seconds a request. */
type Load = { readonly perSecond: number; readonly p99: number; readonly cpu: number }
/** What was measured of sidecar and nginx, round by round. */
type Rounds<T> = readonly (readonly [sidecar: T, nginx: T])[]

// In memory, so that no disk is measured.
const folder = mkdtempSync('/dev/shm/ecr-cname-bench-')
const children: ChildProcess[] = []
try {
  await main()
} finally {
  children.forEach((child) => child.kill())
  rmSync(folder, { recursive: true, force: true })
}

async function main(): Promise<void> {
  const authority = openAuthority(folder)
  writeContent()
  const upstream = await startUpstream(authority.issueFiles([REGISTRY]))
  const own = authority.issueFiles([NAME])
  const sidecar = await startSidecar(own, { upstream, ca: authority.caFile })
  const nginx = await startNginx(own, { upstream, ca: authority.caFile })
  const proxies = [sidecar, nginx] as const
  // Once without a clock, so that code is compiled and connections are open.
  proxies.forEach((proxy) => [download(proxy), upload(proxy)])
  reportTransfers('1 GiB down', proxies, download)
  reportTransfers('1 GiB up', proxies, upload)
  reportManifests(proxies)
}

function reportTransfers(
  title: string,
  proxies: readonly [Proxy, Proxy],
  act: (proxy: Proxy) => Transfer,
): void {
  const rounds = measure(proxies, act)
  print(title, [
    ['throughput to nginx', ratio(rounds, ({ speed }) => speed)],
    ['CPU to nginx', ratio(rounds, ({ cpu }) => cpu)],
    ['MB/s', medians(rounds, ({ speed }) => speed, 0)],
    ['CPU seconds', medians(rounds, ({ cpu }) => cpu, 2)],
    ['peak RSS over idle', `${medians(rounds, ({ growth }) => growth, 0)} MiB`],
    ['peak RSS', `${medians(rounds, ({ peak }) => peak, 0)} MiB`],
  ])
}

function reportManifests(proxies: readonly [Proxy, Proxy]): void {
  if (!isInstalled('wrk')) return print('manifests', [['left out', 'wrk is not installed']])
  const rounds = measure(proxies, load)
  print('manifest of 2 KB, GETs over 16 kept connections', [
    ['rate to nginx', ratio(rounds, ({ perSecond }) => perSecond)],
    ['CPU to nginx', ratio(rounds, ({ cpu }) => cpu)],
    ['GETs a second', medians(rounds, ({ perSecond }) => perSecond, 0)],
    ['CPU a GET', `${medians(rounds, ({ cpu }) => cpu * 1e6, 0)} µs`],
    ['p99', `${medians(rounds, ({ p99 }) => p99, 1)} ms`],
  ])
}

/** Measures both in every round, now one first and now the other. */
function measure<T>([one, two]: readonly [Proxy, Proxy], act: (proxy: Proxy) => T): Rounds<T> {
  return Array.from({ length: ROUNDS }, (_, round) => {
    if (round % 2 === 0) return [act(one), act(two)]
    const second = act(two)
    return [act(one), second]
  })
}

function ratio<T>(rounds: Rounds<T>, figure: (one: T) => number): string {
  const own = rounds.map(([sidecar]) => figure(sidecar))
  const other = rounds.map(([, nginx]) => figure(nginx))
  return ratioOf(own, other).toFixed(2)
}

function medians<T>(rounds: Rounds<T>, figure: (one: T) => number, digits: number): string {
  const [own, other] = [0, 1].map((side) =>
    median(rounds.map((round) => figure(round[side as 0 | 1]))).toFixed(digits),
  )
  return `${own} (nginx ${other})`
}

function print(title: string, rows: readonly (readonly [string, string])[]): void {
  const lines = rows.map(([label, value]) => `  ${label.padEnd(20)} ${value}`)
  process.stdout.write(`${title}\n${lines.join('\n')}\n`)
}

function download(proxy: Proxy): Transfer {
  return transfer(proxy, ['-o', '/dev/null', `https://${NAME}:${proxy.port}/v2/app/blobs/1`])
}

function upload(proxy: Proxy): Transfer {
  const url = `https://${NAME}:${proxy.port}/v2/app/blobs/uploads/1`
  return transfer(proxy, ['-T', join(folder, 'www/v2/app/blobs/1'), '-o', '/dev/null', url])
}

function transfer(proxy: Proxy, args: readonly string[]): Transfer {
  // Forgets the peak of what came before (proc(5), clear_refs).
  writeFileSync(`/proc/${proxy.pid}/clear_refs`, '5')
  const started = cpuOf(proxy.pid)
  const trust = ['--cacert', join(folder, 'ca.pem'), '--resolve', `${NAME}:${proxy.port}:127.0.0.1`]
  const form = '%{time_total} %{size_download} %{size_upload}'
  const quiet = ['--silent', '--show-error', '--fail', '--write-out', form]
  const out = execFileSync('curl', [...quiet, ...trust, ...args], { encoding: 'utf8' })
  const [seconds = 0, down = 0, up = 0] = out.split(' ').map(Number)
  if (down + up < BLOB) throw new Error(`${proxy.name} passed on ${down + up} bytes`)
  const peak = memoryOf(proxy.pid, 'VmHWM')
  const cpu = cpuOf(proxy.pid) - started
  return { speed: BLOB / 1e6 / seconds, cpu, peak, growth: peak - proxy.idle }
}

function load({ name, port, pid }: Proxy): Load {
  const started = cpuOf(pid)
  const host = `Host: ${NAME}:${port}`
  const args = ['-t1', '-c16', `-d${WRK_SECONDS}s`, '--latency', '-H', host]
  const url = `https://127.0.0.1:${port}/v2/app/manifests/1`
  const out = execFileSync('wrk', [...args, url], { encoding: 'utf8' })
  if (/Non-2xx|Socket errors/.test(out)) throw new Error(`${name}: ${out}`)
  const [, requests] = /(\d+) requests in/.exec(out) ?? []
  const [, rate] = /Requests\/sec:\s+([\d.]+)/.exec(out) ?? []
  const [, p99, unit = ''] = /^\s+99%\s+([\d.]+)(us|ms|s)$/m.exec(out) ?? []
  return {
    perSecond: Number(rate),
    p99: Number(p99) * (unit === 'us' ? 0.001 : unit === 's' ? 1000 : 1),
    cpu: (cpuOf(pid) - started) / Number(requests),
  }
}

function writeContent(): void {
  mkdirSync(join(folder, 'www/v2/app/blobs/uploads'), { recursive: true })
  mkdirSync(join(folder, 'www/v2/app/manifests'), { recursive: true })
  const file = openSync(join(folder, 'www/v2/app/blobs/1'), 'w')
  const chunk = randomBytes(1024 ** 2)
  for (let size = 0; size < BLOB; size += chunk.length) writeSync(file, chunk)
  closeSync(file)
  writeFileSync(join(folder, 'www/v2/app/manifests/1'), randomBytes(1024).toString('hex'))
}

type Pair = { readonly certFile: string; readonly keyFile: string }
type Behind = { readonly upstream: number; readonly ca: string }

/** The registry of both: files, and uploads to files, over TLS under the registry's name. */
async function startUpstream({ certFile, keyFile }: Pair): Promise<number> {
  const port = await freePort()
  await startNginxWith(
    'upstream',
    port,
    `
    server {
      listen 127.0.0.1:${port} ssl backlog=1024;
      ssl_certificate ${certFile};
      ssl_certificate_key ${keyFile};
      access_log off;
      root ${folder}/www;
      dav_methods PUT;
      keepalive_requests 1000000;
    }`,
  )
  return port
}

async function startNginx({ certFile, keyFile }: Pair, { upstream, ca }: Behind): Promise<Proxy> {
  const port = await freePort()
  const pid = await startNginxWith(
    'proxy',
    port,
    `
    upstream registry {
      server 127.0.0.1:${upstream};
      keepalive 64;
      keepalive_requests 1000000;
    }
    server {
      listen 127.0.0.1:${port} ssl backlog=1024;
      ssl_certificate ${certFile};
      ssl_certificate_key ${keyFile};
      ssl_protocols TLSv1.2 TLSv1.3;
      access_log ${folder}/nginx.log;
      keepalive_requests 1000000;
      location / {
        proxy_pass https://registry;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host ${REGISTRY};
        proxy_ssl_server_name on;
        proxy_ssl_name ${REGISTRY};
        proxy_ssl_verify on;
        proxy_ssl_trusted_certificate ${ca};
        proxy_ssl_protocols TLSv1.2 TLSv1.3;
        proxy_redirect https://${REGISTRY}/ https://$http_host/;
        proxy_request_buffering off;
        proxy_max_temp_file_size 0;
        proxy_read_timeout 900;
      }
    }`,
  )
  return { name: 'nginx', port, pid, idle: memoryOf(pid, 'VmRSS') }
}

/** One worker, like the sidecar. Resolves to the worker's process id. */
async function startNginxWith(name: string, port: number, servers: string): Promise<number> {
  if (!isInstalled('nginx')) throw new Error('nginx is not installed: apt-get install -y nginx')
  const file = join(folder, `${name}.conf`)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${name}-${kind};`)
    .join('\n')
  writeFileSync(
    file,
    `user root;
    daemon off;
    worker_processes 1;
    pid ${folder}/${name}.pid;
    error_log ${folder}/${name}.error;
    events { worker_connections 4096; }
    http { ${temporary} client_max_body_size 0; sendfile on; ${servers} }`,
  )
  const child = spawn('nginx', ['-c', file, '-e', join(folder, `${name}.error`)], {
    stdio: 'inherit',
  })
  children.push(child)
  await until(() => isListening(port))
  const workers = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
  return Number(workers.trim())
}

async function startSidecar({ certFile, keyFile }: Pair, { upstream, ca }: Behind): Promise<Proxy> {
  const port = await freePort()
  const config = join(folder, 'config.json')
  const mapping = { registry: REGISTRY, connect: `127.0.0.1:${upstream}` }
  writeFileSync(config, JSON.stringify({ registries: { [NAME]: mapping } }))
  const binary = resolve('dist/ecr-cname')
  const [program, ...first] = existsSync(binary) ? [binary] : [process.execPath, 'src/main.ts']
  const log = openSync(join(folder, 'sidecar.log'), 'w')
  const args = ['serve', '--listen', `127.0.0.1:${port}`, '--admin', '127.0.0.1:0']
  const child = spawn(
    program ?? '',
    [...first, ...args, '--tls-cert', certFile, '--tls-key', keyFile],
    {
      env: { ECR_CNAME_CONFIG: config, NODE_EXTRA_CA_CERTS: ca, HOME: folder },
      stdio: ['ignore', 'ignore', log],
    },
  )
  children.push(child)
  child.once('exit', () => {
    if (!child.killed) process.stderr.write(readFileSync(join(folder, 'sidecar.log'), 'utf8'))
  })
  await until(() => isListening(port))
  const pid = child.pid ?? 0
  return { name: 'sidecar', port, pid, idle: memoryOf(pid, 'VmRSS') }
}

/** MiB. */
function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024
}

/** Seconds so far: fields 14 and 15 of proc(5) stat, in ticks of 10 ms. */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.replace(/^.*\) /, '').split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((path) => existsSync(join(path, program)))
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}

function isListening(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  return readFileSync('/proc/net/tcp', 'utf8').includes(`0100007F:${hex} 00000000:0000 0A`)
}

async function until(isReady: () => boolean): Promise<void> {
  for (let tries = 0; !isReady(); tries += 1) {
    if (tries > 500) throw new Error('a program did not start within 10 s')
    await new Promise((done) => setTimeout(done, 20))
  }
}
