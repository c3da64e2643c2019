/**
 * Edits of a JSON text that leave all else as it is, to the byte: a formatter would lay out anew
 * what stands beside the change.
 */

import { type Node, parseTree } from 'jsonc-parser'

/** A value to be put at a path of keys; `undefined` takes away what is there. */
export type JsonEdit = { readonly path: readonly string[]; readonly value: unknown }

/** A JSON text, whose top is an object, with edits in it. */
export function editJson(text: string, edits: readonly JsonEdit[]): string {
  return edits.reduce(edit, text)
}

function edit(text: string, { path, value }: JsonEdit): string {
  let node = parseTree(text)
  for (const [depth, key] of path.entries()) {
    if (node?.type !== 'object') return replace(text, node, nest(path.slice(depth), value))
    const found = valueOf(node, key)
    if (!found && value === undefined) return text
    if (value === undefined && depth === path.length - 1) {
      return edit(remove(text, node, key), { path, value })
    }
    if (!found) return insert(text, node, key, nest(path.slice(depth + 1), value))
    node = found
  }
  return replace(text, node, value)
}

function nest(path: readonly string[], value: unknown): unknown {
  return path.reduceRight((inner, key) => ({ [key]: inner }), value)
}

// The last one of a key holds, as for JSON.parse.
function valueOf({ children = [] }: Node, key: string): Node | undefined {
  return children.findLast(({ children: [name] = [] }) => name?.value === key)?.children?.[1]
}

function replace(text: string, node: Node | undefined, value: unknown): string {
  const { offset, length } = node ?? { offset: 0, length: text.length }
  return splice(text, [offset, offset + length], toText(value, marginAt(text, offset), text))
}

/** Takes a property away, and the comma and the white space that parted it from its neighbour. */
function remove(text: string, object: Node, key: string): string {
  const { children = [] } = object
  const index = children.findIndex((property) => property.children?.[0]?.value === key)
  const [before, gone, after] = [children[index - 1], children[index], children[index + 1]]
  if (!gone || (!before && !after)) return replace(text, object, {})
  if (before) return splice(text, [endOf(before), endOf(gone)], '')
  return splice(text, [gone.offset, after?.offset ?? endOf(gone)], '')
}

/** Puts a property behind the last one: on a line of its own, unless the object is on one line. */
function insert(text: string, object: Node, key: string, value: unknown): string {
  const { offset, length, children = [] } = object
  const last = children.at(-1)
  const margin = marginAt(text, offset)
  if (last) {
    const end = endOf(last)
    const isOneLine = !text.slice(offset, offset + length).includes('\n')
    const inner = marginAt(text, last.offset)
    const property = `${JSON.stringify(key)}: ${toText(value, isOneLine ? margin : inner, text)}`
    return splice(
      text,
      [end, end],
      isOneLine ? `, ${property}` : `,${eolOf(text)}${inner}${property}`,
    )
  }
  return replace(text, object, { [key]: value })
}

function endOf({ offset, length }: Node): number {
  return offset + length
}

function toText(value: unknown, margin: string, text: string): string {
  const lines = JSON.stringify(value, null, indentOf(text)).split('\n')
  return lines.join(`${eolOf(text)}${margin}`)
}

function splice(text: string, [start, end]: readonly [number, number], put: string): string {
  return `${text.slice(0, start)}${put}${text.slice(end)}`
}

/** The white space that begins the line of an offset. */
function marginAt(text: string, offset: number): string {
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset)
  return /^[ \t]*/.exec(line)?.[0] ?? ''
}

function indentOf(text: string): string {
  return /\n([ \t]+)"/.exec(text)?.[1] ?? '  '
}

function eolOf(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n'
}
