/** AWS' partitions: which one a region is in, and where its private registries are. */

type Partition = { readonly name: string; readonly suffix: string }

// The suffixes are those that `parseRegistry` reads.
const PARTITIONS: readonly (readonly [RegExp, Partition])[] = [
  [/^cn-/, { name: 'aws-cn', suffix: 'amazonaws.com.cn' }],
  [/^us-gov-/, { name: 'aws-us-gov', suffix: 'amazonaws.com' }],
  [/^eusc-/, { name: 'aws-eusc', suffix: 'amazonaws.eu' }],
  [/^us-iso-/, { name: 'aws-iso', suffix: 'c2s.ic.gov' }],
  [/^us-isob-/, { name: 'aws-iso-b', suffix: 'sc2s.sgov.gov' }],
  [/^eu-isoe-/, { name: 'aws-iso-e', suffix: 'cloud.adc-e.uk' }],
  [/^us-isof-/, { name: 'aws-iso-f', suffix: 'csp.hci.ic.gov' }],
]
const USUAL: Partition = { name: 'aws', suffix: 'amazonaws.com' }

/** The name of a region's partition, as it stands in ARNs. */
export function partitionOf(region: string): string {
  return find(region).name
}

/** The host of an account's private registry in a region. */
export function registryHost(account: string, region: string): string {
  return `${account}.dkr.ecr.${region}.${find(region).suffix}`
}

function find(region: string): Partition {
  return PARTITIONS.find(([pattern]) => pattern.test(region))?.[1] ?? USUAL
}
