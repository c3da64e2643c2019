/** Fetches layers for clients that have no way to S3: ECR's redirect is followed here. */

import type { ServerResponse } from 'node:http'
import { type LayerUrl, parseLayerUrl } from '../domain/buckets.ts'
import type { HostPort } from '../domain/mapping.ts'
import { type Fields, toFields, valuesOf } from './headers.ts'
import { Refusal } from './refusal.ts'
import { unreachable } from './unreachable.ts'
import type { Reply, Upstream } from './upstream.ts'

export type FollowOptions = {
  readonly upstream: Upstream
  /** Hosts that are asked besides ECR's buckets. */
  readonly blobHosts: readonly HostPort[]
  /** Of the client's request, its Authorization among them. */
  readonly fields: Fields
  readonly client: ServerResponse
  /** Whether there is another bucket to ask where this one does not answer. */
  readonly isReplaceable?: boolean
}

/** The answer of the bucket, where an answer to a GET leads to one; else that answer. */
export async function followToBlob(reply: Reply, options: FollowOptions): Promise<Reply> {
  if (reply.statusCode !== 307) return reply
  const [location, ...more] = valuesOf(toFields(reply.rawHeaders), 'location')
  const url =
    location === undefined || more.length > 0
      ? undefined
      : parseLayerUrl(location, options.blobHosts)
  if (!url) return reply
  reply.on('error', () => {})
  reply.resume()
  return usable(await fetchLayer(url, options), url)
}

// The URL holds all that S3 wants to know; a second way to log in beside it is an error there.
const PASSED_ON = /^(range|if-range|if-match|if-none-match|if-(un)?modified-since|user-agent)$/i

async function fetchLayer(
  { to, target }: LayerUrl,
  { upstream, fields, client, isReplaceable = false }: FollowOptions,
): Promise<Reply> {
  const host = to.port === 443 ? to.host : `${to.host}:${to.port}`
  const passed = fields.filter(([name]) => PASSED_ON.test(name))
  const question = {
    to: { host: to.host, connect: to },
    method: 'GET',
    target,
    client,
    isReplaceable,
  }
  try {
    return await upstream.ask({ ...question, fields: [['Host', host], ...passed] })
  } catch (error) {
    const remedy = 'check routes and firewalls between the sidecar and S3'
    throw unreachable(error, { name: host, method: 'GET', remedy })
  }
}

// What S3 says to a client of its own, such as that a URL has expired, is no answer of a registry.
// A 5xx goes on, for clients try again after one.
function usable(reply: Reply, { to }: LayerUrl): Reply {
  const status = reply.statusCode ?? 0
  if (status < 400 || status === 412 || status === 416 || status >= 500) return reply
  reply.on('error', () => {})
  reply.resume()
  throw new Refusal(
    424,
    'UNAVAILABLE',
    `${to.host}: the layer's bucket answered ${status}; try again`,
  )
}
