/** As much of DER as an X.509 certificate is written in. */

/** A value with its tag and length. */
export function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents)
  return Buffer.concat([Buffer.from([tag]), lengthOf(body.length), body])
}

export const sequence = (...items: readonly Buffer[]) => der(0x30, ...items)
export const set = (...items: readonly Buffer[]) => der(0x31, ...items)
export const octets = (content: Buffer) => der(0x04, content)
export const bits = (content: Buffer, unused = 0) => der(0x03, Buffer.from([unused]), content)
export const text = (value: string) => der(0x0c, Buffer.from(value))
export const yes = der(0x01, Buffer.from([0xff]))
/** Only for numbers whose first bit is not set: the others would be negative. */
export const integer = (bytes: Buffer) => der(0x02, bytes)
/** A field of a structure, told apart by its number; holding a structure or plain bytes. */
export const field = (number: number, content: Buffer) => der(0xa0 | number, content)
export const plainField = (number: number, content: Buffer) => der(0x80 | number, content)

/** `260102030405Z`: the form that certificates use for the years before 2050. */
export function time(at: Date): Buffer {
  return der(0x17, Buffer.from(`${at.toISOString().replaceAll(/\D/g, '').slice(2, 14)}Z`))
}

/** An object identifier such as `2.5.29.17`. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

// A declaration, for the constants above need it while the module loads.
function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  const bytes = Buffer.from(length.toString(16).padStart(length > 0xff ? 4 : 2, '0'), 'hex')
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes])
}

const base128 = (value: number): number[] => {
  const digits = [value & 0x7f]
  for (let rest = value >> 7; rest > 0; rest >>= 7) digits.unshift((rest & 0x7f) | 0x80)
  return digits
}
