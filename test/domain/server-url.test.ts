import { describe, expect, it } from 'vitest'
import { readServerUrl } from '../../src/domain/names.ts'
import { nameOf, parseServerUrl } from '../../src/domain/server-url.ts'

describe('a server URL', () => {
  it.each([
    'docker.company.com',
    'DOCKER.Company.COM',
    'docker.company.com.',
    'https://docker.company.com',
    'http://docker.company.com',
    'http://docker.company.com:80',
    'https://docker.company.com/',
    'https://docker.company.com/v1/',
    'https://docker.company.com/v2/',
    '//docker.company.com',
    'docker.company.com/team/app',
    'docker.company.com/team/app@sha256:abc',
    'docker.company.com?x=y',
    'docker.company.com:443',
    'docker.company.com:443/repo',
    'https://docker.company.com:443',
    ' docker.company.com\r\n',
    'docker.company.com\n',
  ])('%j asks for docker.company.com', (text) => {
    expect(parseServerUrl(text)).toEqual({ host: 'docker.company.com', port: '' })
  })

  it.each([
    ['docker.company.com:5000', 'docker.company.com:5000'],
    ['https://docker.company.com:5000/v2/', 'docker.company.com:5000'],
    ['http://docker.company.com:443', 'docker.company.com:443'],
    ['localhost:5000', 'localhost:5000'],
    ['127.0.0.1:5000', '127.0.0.1:5000'],
    ['[::1]:5000', '[::1]:5000'],
    ['my_registry', 'my_registry'],
  ])('%j asks for %s', (text, name) => {
    const asked = parseServerUrl(text)
    expect(asked && nameOf(asked)).toBe(name)
  })

  it.each([
    '',
    ' ',
    '/',
    'https://',
    'user@docker.company.com',
    'https://user:pw@docker.company.com',
    'docker.company.com\\@evil.example',
    'docker.company.com\nevil.example',
    'docker.company.com\u0000',
    'docker company.com',
    'docker..company.com',
    '.company.com',
    'ftp://docker.company.com',
    'docker.company.com:0',
    'docker.company.com:65536',
    'docker.company.com:https',
    'docker.company.com%2f',
    'docker.company.com:',
    'a'.repeat(254),
    '../../etc/passwd',
    '-docker.company.com',
  ])('%j asks for no host', (text) => {
    expect(readServerUrl(text)).toBeUndefined()
  })
})
