import { describe, expect, it } from 'vitest'
import { fingerprint } from '../../src/front/fingerprint.ts'

describe('a fingerprint', () => {
  // Files of the store are found by it, so that it may never change.
  it.each([
    ['', '451841411-1217125560'],
    ['a', '2194241793-1344023463'],
    ['docker.company.test', '2287420075-1193076888'],
    ['ü\u{1f433}', '3269070810-2928184740'],
  ])('of %j is the same on every machine', (text, print) => {
    expect(fingerprint(text)).toBe(print)
  })

  it('differs for texts that differ in little', () => {
    const texts = Array.from({ length: 20_000 }, (_, index) => `name-${index}.test`)
    expect(new Set(texts.map(fingerprint)).size).toBe(texts.length)
  })

  it('is made of characters that every file system takes', () => {
    expect(fingerprint('../../\0')).toMatch(/^\d+-\d+$/)
  })
})
