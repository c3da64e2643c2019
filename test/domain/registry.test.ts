import { describe, expect, it } from 'vitest'
import { parseRegistry } from '../../src/domain/registry.ts'

describe('an ECR host', () => {
  it.each([
    ['123456789012.dkr.ecr.us-east-1.amazonaws.com', 'us-east-1', false, false],
    ['123456789012.DKR.ECR.us-east-1.amazonaws.com', 'us-east-1', false, false],
    ['123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com', 'us-gov-west-1', true, false],
    ['123456789012.dkr-ecr.eu-west-1.on.aws', 'eu-west-1', false, true],
    ['123456789012.dkr-ecr-fips.us-east-2.on.aws', 'us-east-2', true, true],
    ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', 'cn-north-1', false, false],
    [
      '123456789012.dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn',
      'cn-northwest-1',
      false,
      true,
    ],
    ['123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu', 'eusc-de-east-1', false, false],
    ['123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov', 'us-iso-east-1', false, false],
    ['123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov', 'us-isob-east-1', false, false],
    ['123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk', 'eu-isoe-west-1', false, false],
    ['123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov', 'us-isof-south-1', false, false],
  ])('%s is a private registry in %s', (host, region, fips, dualStack) => {
    expect(parseRegistry(host)).toEqual({
      host: host.toLowerCase(),
      kind: 'private',
      account: '123456789012',
      region,
      fips,
      dualStack,
    })
  })

  it.each([
    'vpce-0a1b-2c3d.dkr.ecr.eu-west-1.vpce.amazonaws.com',
    'vpce-0a1b-2c3d-eu-west-1a.dkr.ecr.eu-west-1.vpce.amazonaws.com',
  ])('%s is a VPC endpoint and names no account', (host) => {
    expect(parseRegistry(host)).toEqual({
      host,
      kind: 'private',
      region: 'eu-west-1',
      fips: false,
      dualStack: false,
    })
  })

  it.each(['public.ecr.aws', 'ecr-public.aws.com'])('%s is the public gallery', (host) => {
    expect(parseRegistry(host)).toMatchObject({ kind: 'public', region: 'us-east-1' })
  })

  it.each([
    'docker.company.com',
    'evil-123456789012.dkr.ecr.us-east-1.amazonaws.com',
    '123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.example',
    '1123456789012.dkr.ecr.us-east-1.amazonaws.com',
    '12345678901.dkr.ecr.us-east-1.amazonaws.com',
    'x.123456789012.dkr.ecr.us-east-1.amazonaws.com',
    '123456789012.dkr.ecr.us-east-1.amazonaws.org',
    '123456789012.dkr.ecr.us-east-1.evil.amazonaws.com',
    '123456789012xdkr.ecr.us-east-1.amazonaws.com',
    'public.ecr.aws.evil.example',
    'vpce-1.api.ecr.eu-west-1.vpce.amazonaws.com',
    '',
  ])('%j is none', (host) => {
    expect(parseRegistry(host)).toBeUndefined()
  })
})
