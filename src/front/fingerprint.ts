/** A short name for a long text. For finding, never for proving: what is found is compared whole. */

/**
 * 64 bits as two decimal numbers. The same text gives the same print on every machine.
 * After cyrb53 by bryc (public domain); node:crypto takes longer to load than a `get` to answer.
 */
export function fingerprint(text: string): string {
  let a = 0xdeadbeef
  let b = 0x41c6ce57
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    a = Math.imul(a ^ code, 2654435761)
    b = Math.imul(b ^ code, 1597334677)
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909)
  return `${a >>> 0}-${b >>> 0}`
}
