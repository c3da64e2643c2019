/** HTTP agents that honour HTTPS_PROXY, HTTP_PROXY and NO_PROXY. */

import {
  type Agent as HttpAgent,
  type ClientRequest,
  globalAgent as httpAgent,
  type IncomingMessage,
} from 'node:http'
import { globalAgent as httpsAgent } from 'node:https'
import { BlockList, isIP, type Socket } from 'node:net'
import { Agent, type AgentConnectOpts } from 'agent-base'
import { HttpProxyAgent } from 'http-proxy-agent'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { UserError } from '../domain/errors.ts'
import type { Environment } from '../front/places.ts'

/** The agent for both schemes, or `undefined` where the environment names no proxy. */
export function proxyAgent(env: Environment): Agent | undefined {
  const proxies = { http: proxyUrl('HTTP_PROXY', env), https: proxyUrl('HTTPS_PROXY', env) }
  if (!proxies.http && !proxies.https) return undefined
  const direct = read('NO_PROXY', env)
    .split(/[\s,]+/)
    .filter(Boolean)
  const tunnel = proxies.https ? new TunnelAgent(proxies.https, KEPT) : undefined
  const pick = ({ host, port, secure }: Target) => {
    const proxy = secure ? tunnel : proxies.http
    if (!proxy || isDirect(direct, host, port)) return secure ? httpsAgent : httpAgent
    return typeof proxy === 'string' ? new HttpProxyAgent(proxy) : proxy
  }
  return new PerHostAgent(pick, () => tunnel?.destroy())
}

// A way through a proxy costs two handshakes, so the next request goes by it, too.
const KEPT = { keepAlive: true, timeout: 60_000 }

/** Whether NO_PROXY's entries cover a host: names and their subdomains, addresses, CIDR blocks. */
export function isDirect(entries: readonly string[], host: string, port: number): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '')
  return entries.some((entry) => {
    if (entry === '*') return true
    const [, block, bits] = /^([\d.]+|[\da-f:]+)\/(\d+)$/i.exec(entry) ?? []
    if (block && bits) return isInBlock(name, block, Number(bits))
    const [, own = '', ownPort] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? []
    if (isIP(entry) === 6) return name === entry.toLowerCase()
    if (ownPort && Number(ownPort) !== port) return false
    const zone = own.replace(/^\*?\./, '')
    return name === zone || (isIP(name) === 0 && name.endsWith(`.${zone}`))
  })
}

type Target = { readonly host: string; readonly port: number; readonly secure: boolean }

class PerHostAgent extends Agent {
  readonly #pick: (target: Target) => HttpAgent
  readonly #end: () => void

  constructor(pick: (target: Target) => HttpAgent, end: () => void) {
    super({ keepAlive: true })
    this.#pick = pick
    this.#end = end
  }

  override destroy(): void {
    this.#end()
    super.destroy()
  }

  override async connect(_: unknown, options: AgentConnectOpts): Promise<HttpAgent> {
    const { host = '', port, secureEndpoint: secure } = options
    return this.#pick({ host, port, secure })
  }
}

// Without it, what a proxy answers would be taken for the answer of who is asked.
class TunnelAgent extends HttpsProxyAgent<string> {
  override async connect(
    request: ClientRequest,
    options: Parameters<HttpsProxyAgent<string>['connect']>[1],
  ): Promise<Socket> {
    let status: number | undefined
    request.once('proxyConnect', ({ statusCode }: IncomingMessage) => (status = statusCode))
    const socket = await super.connect(request, options).catch((error: unknown) => {
      throw 'code' in (error as Error) ? error : cut(error)
    })
    if (status === 200) return socket
    socket.destroy()
    if (status && PASSING.has(status)) throw lost(status)
    throw refused(`${options.host}:${options.port}`, status)
  }
}

// A proxy that hangs up has no code for it.
function cut(cause: unknown): Error {
  const error = new Error('the proxy has cut the connection', { cause })
  return Object.assign(error, { code: 'ECONNRESET' })
}

/** What a proxy says that did not get there itself; it may at the next try. */
const PASSING: ReadonlySet<number> = new Set([500, 502, 503, 504])

// By the code for what no way leads to at the moment, at which whoever asks tries again.
function lost(status: number): Error {
  const error = new Error(`the proxy did not get there (${status})`)
  return Object.assign(error, { code: 'EHOSTUNREACH' })
}

function refused(host: string, status: number | undefined): UserError {
  const advice =
    status === 407
      ? 'put its user and password there: http://USER:PASSWORD@HOST:PORT'
      : 'ask who runs it, or name the host in NO_PROXY'
  return new UserError(
    'UNREACHABLE',
    `${host}: the proxy in HTTPS_PROXY does not lead there (${status || 'no HTTP'}); ${advice}`,
  )
}

function isInBlock(address: string, block: string, bits: number): boolean {
  const family = isIP(block)
  if (family === 0 || isIP(address) !== family || bits > (family === 4 ? 32 : 128)) return false
  const kind = family === 4 ? 'ipv4' : 'ipv6'
  const list = new BlockList()
  list.addSubnet(block, bits, kind)
  return list.check(address, kind)
}

function proxyUrl(variable: string, env: Environment): string | undefined {
  const given = read(variable, env)
  if (given === '') return undefined
  const url = given.includes('://') ? given : `http://${given}`
  if (!URL.canParse(url) || !/^https?:\/\//i.test(url)) {
    throw new UserError(
      'CONFIG',
      `${variable}: expected a proxy such as http://proxy.company.com:3128`,
    )
  }
  return url
}

function read(variable: string, env: Environment): string {
  return env[variable.toLowerCase()] ?? env[variable] ?? ''
}
