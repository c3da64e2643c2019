/** Whether a push keeps to the rules. Pure; what does not throws a Refusal. */

import { covers } from '../domain/glob.ts'
import type { PushRules, Wanted } from '../domain/push-rules.ts'
import type { Manifest } from './manifest.ts'
import { Refusal } from './refusal.ts'

/** Checks what can be told by the path of a request that writes. */
export function checkRepository({ repositories }: PushRules, repository: string): void {
  if (coversAny(repositories, repository)) return
  throw denied(`${repository}: pushes are taken for ${toList(repositories)} here`)
}

/** Checks the tags that a manifest is pushed with. */
export function checkTags({ tags }: PushRules, pushed: readonly string[]): void {
  const other = pushed.find((tag) => !coversAny(tags, tag))
  if (other !== undefined)
    throw denied(`${other}: pushes are taken with the tags ${toList(tags)} here`)
}

/** Those tags that have to stay with what they were first pushed with. */
export function immutableOf(
  { immutableTags = [] }: PushRules,
  tags: readonly string[],
): readonly string[] {
  return tags.filter((tag) => coversAny(immutableTags, tag))
}

/** Checks a manifest by itself. Annotations are asked of what is pushed with a tag alone. */
export function checkManifest(
  { maxSize, requireLabels, requireAnnotations }: PushRules,
  { kind, mediaType, size = 0, annotations }: Manifest,
  tags: readonly string[],
): void {
  const isAsked = maxSize !== undefined || isSome(requireLabels) || isSome(requireAnnotations)
  if (kind === 'other' && isAsked) {
    throw denied(
      `a manifest of type ${mediaType || 'unknown'} can't be held against the rules here`,
    )
  }
  if (maxSize !== undefined && size > maxSize) {
    throw denied(`the image has ${size} bytes, which is over the ${maxSize} that are taken here`)
  }
  if (tags.length > 0) checkWanted(requireAnnotations, annotations, 'annotation')
}

/** Checks the labels of an image. */
export function checkLabels(
  { requireLabels }: PushRules,
  labels: Readonly<Record<string, unknown>>,
): void {
  checkWanted(requireLabels, labels, 'label')
}

/** Whether anything is wanted at all. */
export function isSome(wanted: Wanted | undefined): boolean {
  return wanted !== undefined && Object.keys(wanted).length > 0
}

/** A refusal that docker shows to its user. */
export function denied(message: string): Refusal {
  return new Refusal(403, 'DENIED', message)
}

function checkWanted(
  wanted: Wanted = {},
  found: Readonly<Record<string, unknown>>,
  what: string,
): void {
  for (const [name, pattern] of Object.entries(wanted)) {
    const value = Object.hasOwn(found, name) ? found[name] : undefined
    if (typeof value !== 'string' || value === '') throw denied(`the ${what} ${name} is missing`)
    if (!covers(pattern, value)) {
      throw denied(`the ${what} ${name} is ${JSON.stringify(value)}, and not ${pattern}`)
    }
  }
}

function coversAny(patterns: readonly string[] | undefined, text: string): boolean {
  return !patterns || patterns.some((pattern) => covers(pattern, text))
}

function toList(patterns: readonly string[] = []): string {
  return patterns.length > 0 ? patterns.join(', ') : '(none)'
}
