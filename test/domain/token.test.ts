import { describe, expect, it } from 'vitest'
import { expiryOf, readToken } from '../../src/domain/token.ts'

describe('an authorization token', () => {
  it('is split into username and password', () => {
    expect(readToken(btoa('AWS:eyJw=='))).toEqual({ username: 'AWS', secret: 'eyJw==' })
  })

  it.each(['', 'AWS:x', btoa('no colon'), btoa('AWS:'), btoa('AWS:with space')])(
    '%j is none',
    (text) => {
      expect(() => readToken(text)).toThrow('ECR answered without a token')
    },
  )

  it('carries its expiry in the password', () => {
    const password = btoa(JSON.stringify({ payload: 'x', expiration: 1_700_000_000 }))
    expect(expiryOf(password)).toBe(1_700_000_000_000)
  })

  it.each(['', 'plain', btoa('{}'), btoa('{"expiration":"soon"}')])('%j carries none', (secret) => {
    expect(expiryOf(secret)).toBeUndefined()
  })
})
