/** The proxies that are measured, and the registry that all of them are in front of. */

import { type ChildProcess, spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join, resolve } from 'node:path'
import { openAuthority } from '../test/emulator/certificates.ts'

export const NAME = 'docker.company.test'
const REGISTRY = '123456789012.dkr.ecr.us-east-1.amazonaws.com'

export type Proxy = {
  readonly name: string
  readonly port: number
  /** The processes that do the work. */
  readonly pids: () => readonly number[]
}

export type Site = {
  /** The sidecar, nginx and Caddy. */
  readonly proxies: readonly [Proxy, Proxy, Proxy]
  readonly caFile: string
  readonly blobFile: string
  readonly blobBytes: number
  readonly close: () => void
}

type Pair = { readonly certFile: string; readonly keyFile: string }
type Started = { readonly folder: string; readonly children: ChildProcess[] }
type Behind = { readonly upstream: number; readonly caFile: string; readonly workers: number }

export type SiteOptions = { readonly workers: number; readonly blobBytes: number }

/** Starts all of them, with files in a folder. */
export async function openSite(folder: string, { workers, blobBytes }: SiteOptions): Promise<Site> {
  const started: Started = { folder, children: [] }
  const authority = openAuthority(folder)
  const sink = await startSink()
  const close = () => {
    started.children.forEach((child) => child.kill())
    sink.close()
  }
  try {
    writeContent(folder, blobBytes)
    const registry = authority.issueFiles([REGISTRY])
    const upstream = await startUpstream(started, registry, (sink.address() as AddressInfo).port)
    const behind = { upstream, caFile: authority.caFile, workers }
    // wrk asks for an address by its name.
    const own = authority.issueFiles([NAME, '127.0.0.1'])
    return {
      proxies: [
        await startSidecar(started, own, behind),
        await startNginx(started, own, behind),
        await startCaddy(started, own, behind),
      ],
      caFile: authority.caFile,
      blobFile: join(folder, 'www/v2/app/blobs/1'),
      blobBytes,
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}

function writeContent(folder: string, blobBytes: number): void {
  mkdirSync(join(folder, 'www/v2/app/blobs'), { recursive: true })
  mkdirSync(join(folder, 'www/v2/app/manifests'), { recursive: true })
  const file = openSync(join(folder, 'www/v2/app/blobs/1'), 'w')
  const chunk = randomBytes(1024 ** 2)
  for (let size = 0; size < blobBytes; size += chunk.length) writeSync(file, chunk)
  closeSync(file)
  writeFileSync(join(folder, 'www/v2/app/manifests/1'), randomBytes(1024).toString('hex'))
}

/** Where uploads end: read, and dropped. */
async function startSink(): Promise<Server> {
  const server = createHttpServer((request, response) => {
    request.resume()
    request.once('end', () => response.writeHead(201, { 'Content-Length': 0 }).end())
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return server
}

/** The registry: files, and uploads to the sink, over TLS under the registry's name. */
async function startUpstream(
  started: Started,
  { certFile, keyFile }: Pair,
  sink: number,
): Promise<number> {
  const port = await freePort()
  const servers = `
    server {
      listen 127.0.0.1:${port} ssl backlog=4096;
      ssl_certificate ${certFile};
      ssl_certificate_key ${keyFile};
      access_log off;
      root ${started.folder}/www;
      keepalive_requests 10000000;
      location /v2/app/blobs/uploads/ {
        proxy_pass http://127.0.0.1:${sink};
        proxy_http_version 1.1;
        proxy_request_buffering off;
        client_body_buffer_size 256k;
      }
    }`
  await startNginxWith(started, { name: 'upstream', port, servers, workers: 1 })
  return port
}

async function startNginx(
  started: Started,
  { certFile, keyFile }: Pair,
  { upstream, caFile, workers }: Behind,
): Promise<Proxy> {
  const port = await freePort()
  const servers = `
    upstream registry {
      server 127.0.0.1:${upstream};
      keepalive 64;
      keepalive_requests 10000000;
    }
    server {
      listen 127.0.0.1:${port} ssl backlog=4096;
      ssl_certificate ${certFile};
      ssl_certificate_key ${keyFile};
      ssl_protocols TLSv1.2 TLSv1.3;
      access_log ${started.folder}/nginx.log;
      keepalive_requests 10000000;
      location / {
        proxy_pass https://registry;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host ${REGISTRY};
        proxy_ssl_server_name on;
        proxy_ssl_name ${REGISTRY};
        proxy_ssl_verify on;
        proxy_ssl_trusted_certificate ${caFile};
        proxy_ssl_protocols TLSv1.2 TLSv1.3;
        proxy_redirect https://${REGISTRY}/ https://$http_host/;
        proxy_request_buffering off;
        proxy_max_temp_file_size 0;
        proxy_read_timeout 900;
      }
    }`
  const master = await startNginxWith(started, { name: 'nginx', port, servers, workers })
  return { name: 'nginx', port, pids: () => childrenOf(master) }
}

type Nginx = {
  readonly name: string
  readonly port: number
  readonly servers: string
  readonly workers: number
}

async function startNginxWith(
  started: Started,
  { name, port, servers, workers }: Nginx,
): Promise<number> {
  const { folder } = started
  const file = join(folder, `${name}.conf`)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${name}-${kind};`)
    .join('\n')
  writeFileSync(
    file,
    `user root;
    daemon off;
    worker_processes ${workers};
    pid ${folder}/${name}.pid;
    error_log ${folder}/${name}.error;
    events { worker_connections 8192; }
    http { ${temporary} client_max_body_size 0; sendfile on; ${servers} }`,
  )
  const command = ['nginx', '-c', file, '-e', join(folder, `${name}.error`)] as const
  const pid = start(started, command, { log: join(folder, `${name}.error`) })
  await until(() => isListening(port))
  return pid
}

async function startCaddy(
  started: Started,
  { certFile, keyFile }: Pair,
  { upstream, caFile, workers }: Behind,
): Promise<Proxy> {
  const port = await freePort()
  const { folder } = started
  const file = join(folder, 'Caddyfile')
  writeFileSync(
    file,
    `{
      admin off
      auto_https off
      default_sni ${NAME}
      storage file_system ${folder}/caddy
      log {
        output file ${folder}/caddy.log
        exclude http.log.access
      }
      servers {
        protocols h1
      }
    }
    https://${NAME}:${port} {
      bind 127.0.0.1
      tls ${certFile} ${keyFile}
      log {
        output file ${folder}/caddy-access.log {
          roll_disabled
        }
      }
      reverse_proxy https://127.0.0.1:${upstream} {
        header_up Host ${REGISTRY}
        header_down Location ^https://${REGISTRY}/ https://${NAME}:${port}/
        flush_interval -1
        transport http {
          versions 1.1
          compression off
          keepalive_idle_conns_per_host 64
          tls_server_name ${REGISTRY}
          tls_trusted_ca_certs ${caFile}
        }
      }
    }
    `,
  )
  const command = ['caddy', 'run', '--config', file, '--adapter', 'caddyfile'] as const
  const env = { ...process.env, HOME: folder, GOMAXPROCS: `${workers}` }
  const pid = start(started, command, { log: join(folder, 'caddy.error'), env })
  await until(() => isListening(port))
  return { name: 'Caddy', port, pids: () => [pid] }
}

async function startSidecar(
  started: Started,
  { certFile, keyFile }: Pair,
  { upstream, caFile, workers }: Behind,
): Promise<Proxy> {
  const port = await freePort()
  const { folder } = started
  const config = join(folder, 'config.json')
  const mapping = { registry: REGISTRY, connect: `127.0.0.1:${upstream}` }
  writeFileSync(config, JSON.stringify({ registries: { [NAME]: mapping } }))
  const listen = ['--listen', `127.0.0.1:${port}`, '--admin', '127.0.0.1:0']
  const tls = ['--tls-cert', certFile, '--tls-key', keyFile]
  const several = workers > 1 ? ['--workers', `${workers}`] : []
  const command = [resolve('dist/ecr-cname'), 'serve', ...listen, ...tls, ...several] as const
  const env = { ECR_CNAME_CONFIG: config, NODE_EXTRA_CA_CERTS: caFile, HOME: folder }
  const pid = start(started, command, { log: join(folder, 'sidecar.log'), env })
  await until(() => isListening(port))
  return { name: 'sidecar', port, pids: () => (workers > 1 ? childrenOf(pid) : [pid]) }
}

/** Starts a program whose last words are told when it ends before it shall. */
function start(
  { children }: Started,
  [program, ...args]: readonly [string, ...string[]],
  { log, env = process.env }: { readonly log: string; readonly env?: NodeJS.ProcessEnv },
): number {
  const output = openSync(log, 'w')
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', output] })
  closeSync(output)
  children.push(child)
  child.once('exit', (code, signal) => {
    if (child.killed) return
    const words = readFileSync(log, 'utf8').slice(-2000)
    process.stderr.write(`${program} ended (${code ?? signal}): ${words}\n`)
  })
  return child.pid ?? 0
}

function childrenOf(pid: number): readonly number[] {
  const tasks = readdirSync(`/proc/${pid}/task`)
  const lists = tasks.map((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8'))
  return lists.join(' ').split(' ').filter(Boolean).map(Number)
}

export function isInstalled(program: string): boolean {
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
