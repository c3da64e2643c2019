import { describe, expect, it } from 'vitest'
import { parseLayerUrl } from '../../src/domain/buckets.ts'

const BUCKET = 'prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com'
const isTaken = (location: string, more: Parameters<typeof parseLayerUrl>[1] = []) =>
  parseLayerUrl(location, more) !== undefined

describe('a redirect of ECR', () => {
  it.each([
    BUCKET,
    'prod-eu-west-1-starport-layer-bucket.s3.dualstack.eu-west-1.amazonaws.com',
    'prod-us-gov-west-1-starport-layer-bucket.s3-fips.us-gov-west-1.amazonaws.com',
    'prod-cn-north-1-starport-layer-bucket.s3.cn-north-1.amazonaws.com.cn',
    'prod-us-iso-east-1-starport-layer-bucket.s3.us-iso-east-1.c2s.ic.gov',
    'prod-us-isob-east-1-starport-layer-bucket.s3.us-isob-east-1.sc2s.sgov.gov',
    'prod-eu-isoe-west-1-starport-layer-bucket.s3.eu-isoe-west-1.cloud.adc-e.uk',
    'prod-us-isof-south-1-starport-layer-bucket.s3.us-isof-south-1.csp.hci.ic.gov',
    'prod-eusc-de-east-1-starport-layer-bucket.s3.eusc-de-east-1.amazonaws.eu',
  ])('leads to a layer at %s', (host) => {
    expect(parseLayerUrl(`https://${host}/a/sha256:00?X-Amz-Signature=1%2F`, [])).toEqual({
      to: { host, port: 443 },
      target: '/a/sha256:00?X-Amz-Signature=1%2F',
    })
  })

  it.each([
    `http://${BUCKET}/a`,
    `https://${BUCKET}:8443/a`,
    `https://${BUCKET}.evil.test/a`,
    `https://evil.test/${BUCKET}`,
    `https://${BUCKET}@evil.test/a`,
    `https://user:secret@${BUCKET}/a`,
    `https://x.${BUCKET}/a`,
    'https://prod-us-east-1-starport-layer-bucket.s3.us-west-2.amazonaws.com/a',
    'https://other-bucket.s3.us-east-1.amazonaws.com/a',
    'https://169.254.169.254/latest/meta-data/',
    `//${BUCKET}/a`,
    '/v2/a',
    '',
  ])('leads to no layer at %s', (location) => {
    expect(isTaken(location)).toBe(false)
  })

  it('leads to hosts that the configuration adds, at the port that it names', () => {
    const more = [{ host: 's3.company.test' }, { host: 'cache.test', port: 8443 }]
    expect(isTaken('https://s3.company.test/a', more)).toBe(true)
    expect(isTaken('https://s3.company.test:8443/a', more)).toBe(false)
    expect(isTaken('https://cache.test:8443/a', more)).toBe(true)
    expect(isTaken('https://cache.test/a', more)).toBe(false)
    expect(isTaken('https://x.s3.company.test/a', more)).toBe(false)
  })
})
