/** MessagePack, as much as a provider needs. https://github.com/msgpack/msgpack/blob/master/spec.md */

const NULL = 0xc0

/** What Terraform takes for a value that is known after apply. */
export const UNKNOWN = Buffer.from([0xd4, 0, 0])

export function packText(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.from([0xd9, bytes.length]), bytes])
}

/** An object whose nulls are replaced, where there is something to replace them with. */
export function fillNulls(object: Buffer, fill: (name: string) => Buffer | undefined): Buffer {
  const { count, body } = sizeOf(object, 0)
  const parts = [object.subarray(0, body)]
  for (let at = body, left = count; left > 0; left -= 2) {
    const value = end(object, at)
    const after = end(object, value)
    const name = object.subarray(sizeOf(object, at).body, value).toString()
    const filled = object[value] === NULL ? fill(name) : undefined
    parts.push(object.subarray(at, value), filled ?? object.subarray(value, after))
    at = after
  }
  return Buffer.concat(parts)
}

function end(bytes: Buffer, at: number): number {
  const { count, body, length } = sizeOf(bytes, at)
  let after = body + length
  for (let left = count; left > 0; left--) after = end(bytes, after)
  return after
}

/** Where a value's body begins, how long it is, and how many values it holds. */
function sizeOf(bytes: Buffer, at: number): { count: number; body: number; length: number } {
  const type = bytes[at]!
  const short = (count: number, length: number) => ({ count, body: at + 1, length })
  const long = (size: number, perCount: number, more = 0) => {
    const read = bytes.readUIntBE(at + 1, size)
    return { count: read * perCount, body: at + 1 + size, length: perCount ? 0 : read + more }
  }
  if (type < 0x80 || type >= 0xe0) return short(0, 0)
  if (type < 0x90) return short((type & 15) * 2, 0)
  if (type < 0xa0) return short(type & 15, 0)
  if (type < 0xc0) return short(0, type & 31)
  if (type < 0xc4) return short(0, 0)
  if (type < 0xc7) return long(2 ** (type - 0xc4), 0)
  if (type < 0xca) return long(2 ** (type - 0xc7), 0, 1)
  if (type < 0xd4) return short(0, [4, 8, 1, 2, 4, 8, 1, 2, 4, 8][type - 0xca]!)
  if (type < 0xd9) return short(0, 1 + 2 ** (type - 0xd4))
  if (type < 0xdc) return long(2 ** (type - 0xd9), 0)
  return long(type % 2 === 0 ? 2 : 4, type < 0xde ? 1 : 2)
}
