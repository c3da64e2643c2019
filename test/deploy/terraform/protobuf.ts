/** Protocol Buffers, as much as a provider needs. https://protobuf.dev/programming-guides/encoding */

/** A message out of its fields, each with its number. */
export function message(
  ...fields: readonly (readonly [number, Buffer | string | number])[]
): Buffer {
  return Buffer.concat(
    fields.flatMap(([field, value]) => {
      if (typeof value === 'number') return [varint(field << 3), varint(value)]
      const bytes = Buffer.from(value)
      return [varint((field << 3) | 2), varint(bytes.length), bytes]
    }),
  )
}

/** The bytes of a field of a message. */
export function fieldOf(bytes: Buffer, wanted: number): Buffer | undefined {
  for (let at = 0; at < bytes.length;) {
    const [key, start] = readVarint(bytes, at)
    const [value, end] = readVarint(bytes, start)
    if ((key & 7) !== 2) at = end
    else if (key >> 3 === wanted) return bytes.subarray(end, end + value)
    else at = end + value
  }
  return undefined
}

function varint(value: number): Buffer {
  const bytes = []
  for (; value > 127; value >>= 7) bytes.push((value & 127) | 128)
  return Buffer.from([...bytes, value])
}

function readVarint(bytes: Buffer, at: number): readonly [number, number] {
  let value = 0
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!
    value |= (byte & 127) << shift
    if (byte < 128) return [value, at]
  }
}
