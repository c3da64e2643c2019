/** Where ECR keeps layers: the hosts that its redirects lead to. */

import type { HostPort } from './mapping.ts'

// https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html, in every partition,
// and the forms that S3 gives a bucket's name: FIPS and dual-stack. Region and region are one.
const LAYER_BUCKET =
  /^prod-([a-z0-9-]+)-starport-layer-bucket\.s3(?:-fips)?(?:\.dualstack)?\.\1\.(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$/

/** A layer's URL, taken apart. */
export type LayerUrl = { readonly to: HostPort; readonly target: string }

/**
 * Reads a redirect to a layer. `undefined` for every other one: only ECR's buckets are asked, and
 * hosts that the configuration adds, each with the port that it names, else 443.
 */
export function parseLayerUrl(location: string, more: readonly HostPort[]): LayerUrl | undefined {
  const url = URL.parse(location)
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') return undefined
  const host = url.hostname.toLowerCase()
  const port = Number(url.port || 443)
  const isAdded = more.some((one) => one.host === host && (one.port ?? 443) === port)
  if (!isAdded && !(port === 443 && LAYER_BUCKET.test(host))) return undefined
  return { to: { host, port }, target: `${url.pathname}${url.search}` }
}
