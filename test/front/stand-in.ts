/** Stands for the full program: notes how it was called, and ends as it is told. */

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** How it ends; where there is none, what stands in its place. */
export const ENDS = [
  ...(Array(8).fill('answers') as 'answers'[]),
  'refuses',
  'refuses',
  'crashes',
  'is deaf',
  'gets KILL',
  'gets TERM',
  'gets INT',
  'gets HUP',
  'is missing',
  'is not executable',
  'is a folder',
] as const
export type End = (typeof ENDS)[number]

/**
 * RECORD names the file in which it notes its process, its session, its arguments and its stdin;
 * END says how it ends.
 */
const SCRIPT = `#!/bin/sh
trap '' PIPE # a difference by design, see program.test.ts
session() { echo "$6"; }
{
  read -r stat </proc/$$/stat
  echo "pid $$"
  echo "session $(session $stat)"
  printf 'argument [%s]\\n' "$@"
  [ "$END" = 'is deaf' ] || { echo stdin; cat; }
} >"$RECORD.draft" 2>/dev/null
mv "$RECORD.draft" "$RECORD"
case $END in
refuses) printf 'the reason\\n' 2>/dev/null; printf 'the reason\\n' >&2; exit 1 ;;
crashes) exit 139 ;;
gets*) kill -s "\${END#gets }" $$ ;;
*) printf '{"Username":"from the full program"}\\n' 2>/dev/null; exit 0 ;;
esac
`

/** Puts it into a folder under the full program's name. */
export function placeStandIn(folder: string, end: End): void {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'ecr-cname')
  if (end === 'is missing') return
  if (end === 'is a folder') mkdirSync(path)
  else writeFileSync(path, SCRIPT, { mode: 0o755 })
  if (end === 'is not executable') chmodSync(path, 0o644)
}
