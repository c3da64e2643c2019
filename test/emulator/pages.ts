/** Lists by the page, in no order that means anything, as ECR hands them out. */

import { createHash } from 'node:crypto'

export type Page<Item> = {
  readonly items: readonly Item[]
  /** Opaque; missing on the last page. */
  readonly next?: string
}

/** The page of at most `limit` items that follows `after`. */
export function page<Item>(
  all: readonly Item[],
  key: (item: Item) => string,
  limit: number,
  after: string | null | undefined,
): Page<Item> {
  const last = after ? place(Buffer.from(after, 'base64url').toString().trim()) : ''
  const rest = all
    .map((item) => ({ item, place: place(key(item)) }))
    .filter((entry) => entry.place > last)
    .sort((one, other) => (one.place < other.place ? -1 : 1))
  const items = rest.slice(0, limit).map(({ item }) => item)
  const end = items.at(-1)
  if (end === undefined || rest.length <= limit) return { items }
  // As long as the real ones, which are longer than some clients think.
  return { items, next: Buffer.from(key(end).padEnd(300)).toString('base64url') }
}

const place = (key: string) => createHash('sha256').update(key).digest('hex')
