/** Progress on stderr: bars on a terminal, lines in a pipe. */

import { shortOf } from '../../images/digest.ts'
import type { Outcome, ProgressEvent, Report } from '../../images/progress.ts'
import type { World } from '../command.ts'
import { formatSeconds, formatSize } from './format.ts'

export type ProgressDisplay = { readonly report: Report; readonly end: () => void }

type Bar = { readonly digest: string; readonly size: number; done: number; how?: Outcome }

/** What of the world it is shown with. */
type Screen = Pick<World, 'stderr' | 'stderrColumns' | 'stderrRows' | 'env' | 'now' | 'after'>

/** What shows the progress of a pull or push in this world; nothing where it is to be quiet. */
export function openProgress(screen: Screen, isQuiet: boolean): ProgressDisplay {
  if (isQuiet) return { report: () => {}, end: () => {} }
  // A terminal may tell no width, which is 0 then, or be one that can't draw over what it shows.
  const columns = screen.env['TERM'] === 'dumb' ? 0 : (screen.stderrColumns ?? 0)
  return columns === 0 ? lines(screen) : bars(screen)
}

const FRAME_MS = 100
// So few that a terminal of 24 lines shows them all, and the command above. What is scrolled away
// can't be drawn over, so a lower one has fewer: it shows the total, a notice and the cursor, too.
const MOST_BARS = 16
const OTHER_ROWS = 3

function lines({ stderr }: Screen): ProgressDisplay {
  const sizes = new Map<string, number>()
  return {
    report(event) {
      if (event.kind === 'plan') {
        event.blobs.forEach(({ digest, size }) => sizes.set(digest, size))
      } else if (event.kind === 'done') {
        const size = formatSize(sizes.get(event.digest) ?? 0)
        stderr(`${shortOf(event.digest)}  ${size.padStart(7)}  ${event.how}\n`)
      } else if (event.kind === 'retry') stderr(`${retryLine(event)}\n`)
    },
    end: () => {},
  }
}

function bars(screen: Screen): ProgressDisplay {
  const { now, after, stderr, env } = screen
  const all = new Map<string, Bar>()
  const isPlain = Boolean(env['NO_COLOR'])
  let shown = 0
  let notice = ''
  let callOff: (() => void) | undefined
  const began = now()

  const draw = () => {
    callOff = undefined
    // Windows change their size.
    const { stderrColumns: columns = 80, stderrRows: rows = 24 } = screen
    const most = Math.max(0, Math.min(MOST_BARS, rows - OTHER_ROWS))
    const seconds = (now() - began) / 1000
    const current = frame([...all.values()], { seconds, columns, most, isPlain })
    const drawn = notice === '' ? current : [...current, notice.slice(0, columns - 1)]
    // All of a frame is one write, over the one before, so that nothing flickers.
    const up = shown > 0 ? `\u001B[${shown}A` : ''
    stderr(`${up}${drawn.map((text) => `\r${text}\u001B[K\n`).join('')}\u001B[J`)
    shown = drawn.length
  }
  return {
    report(event) {
      if (event.kind === 'plan') {
        event.blobs.forEach(({ digest, size }) => all.set(digest, { digest, size, done: 0 }))
      }
      notice = event.kind === 'retry' ? retryLine(event) : event.kind === 'done' ? '' : notice
      const one = 'digest' in event ? all.get(event.digest ?? '') : undefined
      if (one && event.kind === 'bytes') one.done += event.bytes
      if (one && event.kind === 'done') {
        one.how = event.how
        one.done = one.size
      }
      callOff ??= after(FRAME_MS, draw)
    },
    end() {
      callOff?.()
      if (all.size > 0) draw()
    },
  }
}

type Look = {
  readonly seconds: number
  readonly columns: number
  /** Bars. */
  readonly most: number
  readonly isPlain: boolean
}

/** The rows of a moment: what is under way first, then all of it together. */
function frame(all: readonly Bar[], look: Look): readonly string[] {
  const ended = all.filter(({ how }) => how !== undefined)
  const open = all.filter(({ how }) => how === undefined)
  const room = Math.max(0, look.most - open.length)
  const rows = [...(room > 0 ? ended.slice(-room) : []), ...open.slice(0, look.most)]
  return [...rows.map((one) => row(one, look)), total(all, look)]
}

function row({ digest, size, done, how }: Bar, { columns, isPlain }: Look): string {
  const name = shortOf(digest)
  const amount = formatSize(size).padStart(7)
  if (how)
    return cutTo(`${name}  ${amount}  ${isPlain ? how : `\u001B[32m${how}\u001B[0m`}`, columns)
  return cutTo(`${name}  ${amount}  ${bar(done, size, columns)}`, columns)
}

function total(all: readonly Bar[], { seconds, columns }: Look): string {
  const size = all.reduce((sum, one) => sum + one.size, 0)
  const done = all.reduce((sum, one) => sum + Math.min(one.done, one.size), 0)
  const speed = seconds > 0 ? done / seconds : 0
  const left = speed > 0 && done < size ? `  ${formatSeconds((size - done) / speed)} left` : ''
  const amounts = `${formatSize(done)} of ${formatSize(size)}`
  return cutTo(
    `${amounts}  ${formatSize(speed)}/s${left || `  ${formatSeconds(seconds)}`}`,
    columns,
  )
}

function bar(done: number, size: number, columns: number): string {
  const share = size === 0 ? 1 : Math.min(1, done / size)
  const width = Math.max(0, Math.min(40, columns - 32))
  const filled = Math.round(share * width)
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${String(Math.floor(share * 100)).padStart(3)}%`
}

// A row that is wider than the terminal would take two, and the next frame start too high.
function cutTo(text: string, columns: number): string {
  const isColoured = text.includes('\u001B')
  return isColoured && columns > 40 ? text : text.slice(0, Math.max(0, columns - 1))
}

function retryLine({ digest, reason, waitMs }: Extract<ProgressEvent, { kind: 'retry' }>): string {
  const what = digest === undefined ? '' : `${shortOf(digest)}  `
  const wait = waitMs < 1000 ? 'less than a second' : formatSeconds(waitMs / 1000)
  return `${what}${reason}; again in ${wait}`
}
