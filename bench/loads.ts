/** What the proxies are put to, and what that takes. */

import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { NAME, type Proxy, type Site } from './proxies.ts'

/** GETs a second, milliseconds, and microseconds of the proxy's CPU a GET. */
export type Load = {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly cpu: number
}

/** Megabytes a second of all streams, CPU seconds a GiB, and MiB of a process at most. */
export type Transfer = { readonly speed: number; readonly cpu: number; readonly peak: number }

const run = promisify(execFile)
const CONNECTIONS = 64
const IDLE = 1000
const GIB = 1024 ** 3

/** GETs of a manifest over 64 connections that are kept, or over a new one for each. */
export async function load(
  { name, port, pids }: Proxy,
  { seconds, isKept }: { readonly seconds: number; readonly isKept: boolean },
): Promise<Load> {
  const before = cpuOf(pids())
  const fields = ['-H', `Host: ${NAME}:${port}`, ...(isKept ? [] : ['-H', 'Connection: close'])]
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--latency', ...fields]
  const url = `https://127.0.0.1:${port}/v2/app/manifests/1`
  const { stdout } = await run('wrk', [...args, url])
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`${name}: ${stdout}`)
  const [, requests] = /(\d+) requests in/.exec(stdout) ?? []
  const [, rate] = /Requests\/sec:\s+([\d.]+)/.exec(stdout) ?? []
  return {
    perSecond: Number(rate),
    p50: latencyOf(stdout, 50),
    p99: latencyOf(stdout, 99),
    cpu: ((cpuOf(pids()) - before) / Number(requests)) * 1e6,
  }
}

/** A blob in so many streams at once, either way. */
export async function transfer(
  site: Site,
  proxy: Proxy,
  { way, streams }: { readonly way: 'down' | 'up'; readonly streams: number },
): Promise<Transfer> {
  // Forgets the peak of what came before (proc(5), clear_refs).
  proxy.pids().forEach((pid) => writeFileSync(`/proc/${pid}/clear_refs`, '5'))
  const before = cpuOf(proxy.pids())
  const started = performance.now()
  const url = `https://${NAME}:${proxy.port}/v2/app/blobs/`
  const what = way === 'down' ? [`${url}1`] : ['-T', site.blobFile, `${url}uploads/1`]
  await Promise.all(Array.from({ length: streams }, () => stream(site, proxy, what)))
  const seconds = (performance.now() - started) / 1000
  return {
    speed: (streams * site.blobBytes) / 1e6 / seconds,
    cpu: ((cpuOf(proxy.pids()) - before) / streams / site.blobBytes) * GIB,
    peak: Math.max(...proxy.pids().map(peakOf)),
  }
}

async function stream({ caFile, blobBytes }: Site, { name, port }: Proxy, args: readonly string[]) {
  const trust = ['--cacert', caFile, '--resolve', `${NAME}:${port}:127.0.0.1`]
  const quiet = ['--silent', '--show-error', '--fail', '--output', '/dev/null']
  const form = ['--write-out', '%{size_download} %{size_upload}']
  const { stdout } = await run('curl', [...quiet, ...form, ...trust, ...args])
  const [down = 0, up = 0] = stdout.split(' ').map(Number)
  if (down + up < blobBytes) throw new Error(`${name} passed on ${down + up} bytes`)
}

/** Connections that have had an answer each, and stay. The result closes them. */
export async function openIdle(site: Site, proxy: Proxy): Promise<() => void> {
  const ca = readFileSync(site.caFile)
  const sockets: TLSSocket[] = []
  while (sockets.length < IDLE) {
    const some = Array.from({ length: 50 }, () => openOne(proxy, ca))
    sockets.push(...(await Promise.all(some)))
  }
  return () => sockets.forEach((socket) => socket.destroy())
}

function openOne({ port }: Proxy, ca: Buffer): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername: NAME, ca })
    socket.on('error', reject)
    socket.once('data', () => resolve(socket))
    socket.write(`GET /v2/app/manifests/1 HTTP/1.1\r\nHost: ${NAME}:${port}\r\n\r\n`)
    socket.on('data', () => {})
  })
}

/** In ms. */
const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 }

function latencyOf(report: string, percent: number): number {
  const line = new RegExp(`^\\s+${percent}%\\s+([\\d.]+)(us|ms|s|m)$`, 'm')
  const [, value, unit = ''] = line.exec(report) ?? []
  return Number(value) * (UNITS[unit] ?? 1)
}

/** MiB. */
function peakOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}

/** Seconds so far: fields 14 and 15 of proc(5) stat, in ticks of 10 ms. */
function cpuOf(pids: readonly number[]): number {
  const seconds = pids.map((pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  })
  return seconds.reduce((sum, one) => sum + one, 0)
}
