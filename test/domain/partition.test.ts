import { describe, expect, it } from 'vitest'
import { partitionOf, registryHost } from '../../src/domain/partition.ts'
import { parseRegistry } from '../../src/domain/registry.ts'

describe('registryHost', () => {
  it.each([
    ['us-east-1', 'aws', 'amazonaws.com'],
    ['cn-north-1', 'aws-cn', 'amazonaws.com.cn'],
    ['us-gov-west-1', 'aws-us-gov', 'amazonaws.com'],
    ['eusc-de-east-1', 'aws-eusc', 'amazonaws.eu'],
    ['us-iso-east-1', 'aws-iso', 'c2s.ic.gov'],
    ['us-isob-east-1', 'aws-iso-b', 'sc2s.sgov.gov'],
    ['eu-isoe-west-1', 'aws-iso-e', 'cloud.adc-e.uk'],
    ['us-isof-south-1', 'aws-iso-f', 'csp.hci.ic.gov'],
  ])('of %s, in %s, ends in %s, and is read as a registry', (region, partition, suffix) => {
    const host = registryHost('123456789012', region)

    expect(partitionOf(region)).toBe(partition)
    expect(host).toBe(`123456789012.dkr.ecr.${region}.${suffix}`)
    expect(parseRegistry(host)).toMatchObject({ account: '123456789012', region })
  })
})
