/** Amazon ECR registries, as their host names tell them. */

/** One ECR registry. */
export type Registry = {
  /** The host in lower case; what Host, SNI and the certificate check are held against. */
  readonly host: string
  /** `public` is the gallery at public.ecr.aws, which has an API of its own. */
  readonly kind: 'private' | 'public'
  /** Twelve digits; unknown for a VPC endpoint's name and for the public gallery. */
  readonly account?: string
  readonly region: string
  readonly fips: boolean
  readonly dualStack: boolean
}

// The same set as awslabs/amazon-ecr-credential-helper and kubernetes/cloud-provider-aws.
const PRIVATE_HOST =
  /^(\d{12})\.dkr([.-])ecr(-fips)?\.([a-z0-9][a-z0-9-]*)\.(amazonaws\.com(?:\.cn)?|amazonaws\.eu|on\.aws|on\.amazonwebservices\.(?:com\.cn|eu)|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$/
// An interface endpoint's own name, regional or of one zone; it names no account.
const VPC_ENDPOINT =
  /^vpce-[a-z0-9-]+\.dkr\.ecr\.([a-z0-9][a-z0-9-]*)\.vpce\.amazonaws\.com(?:\.cn)?$/
const PUBLIC_HOSTS = ['public.ecr.aws', 'ecr-public.aws.com']

/** Reads a host name as an ECR registry. A host that only contains such a name is not one. */
export function parseRegistry(name: string): Registry | undefined {
  const host = name.toLowerCase()
  if (PUBLIC_HOSTS.includes(host)) {
    return { host, kind: 'public', region: 'us-east-1', fips: false, dualStack: false }
  }
  const [, account, separator, fips, region] = PRIVATE_HOST.exec(host) ?? []
  if (account && region) {
    const dualStack = separator === '-'
    return { host, kind: 'private', account, region, fips: fips !== undefined, dualStack }
  }
  const [, endpointRegion] = VPC_ENDPOINT.exec(host) ?? []
  if (!endpointRegion) return undefined
  return { host, kind: 'private', region: endpointRegion, fips: false, dualStack: false }
}
