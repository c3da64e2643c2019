import { describe, expect, it } from 'vitest'
import { mergeConfig } from '../../src/domain/config.ts'
import { findMapping } from '../../src/domain/mapping.ts'

const ECR = (account: string): string => `${account.repeat(12)}.dkr.ecr.us-east-1.amazonaws.com`
const { mappings } = mergeConfig([
  {
    where: 'test',
    value: {
      registries: {
        'docker.company.com': ECR('1'),
        'docker.company.com:5000': ECR('2'),
        '*.dkr.company.com': ECR('3'),
        'one.dkr.company.com': ECR('4'),
        [ECR('5')]: { profile: 'dev' },
      },
    },
  },
])

describe('a mapping', () => {
  it.each([
    ['docker.company.com', undefined, '1'],
    ['docker.company.com', 8443, '1'],
    ['docker.company.com', 5000, '2'],
    ['two.dkr.company.com', undefined, '3'],
    ['two.dkr.company.com', 5000, '3'],
    ['one.dkr.company.com', undefined, '4'],
    [ECR('5'), undefined, '5'],
  ])('of %s, port %s, is found', (host, port, account) => {
    const mapping = findMapping(mappings, { host, ...(port ? { port } : {}) })
    expect(mapping?.registry.account).toBe(account.repeat(12))
  })

  it.each([
    'company.com',
    'xdocker.company.com',
    'docker.company.com.evil.example',
    'dkr.company.com',
    'a.b.dkr.company.com',
    'two.dkr.company.com.evil.example',
  ])('of %s does not exist: names are compared whole, a wildcard is one label', (host) => {
    expect(findMapping(mappings, { host })).toBeUndefined()
  })
})
