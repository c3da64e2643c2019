/** What a command is, and what it is given of the world. */

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>

/** All that a command may touch besides io/: handed in by main.ts, stated by tests. */
export type World = {
  readonly env: Environment
  /** Everything on stdin; read at most once, and only by commands that take input. */
  readonly readInput: () => Buffer
  /** Writes all of the text before it returns. */
  readonly stdout: (text: string) => void
  /** The same for what is no text. */
  readonly stdoutBytes: (bytes: Uint8Array) => void
  readonly stderr: (text: string) => void
  readonly stdoutIsTerminal: boolean
  /** The size of the terminal that stderr is, if it is one: there progress is drawn. */
  readonly stderrColumns: number | undefined
  readonly stderrRows?: number | undefined
  /** A line that a person types in answer; undefined where no terminal is there to ask. */
  readonly ask: (question: string) => Promise<string | undefined>
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** From 0 to below 1. */
  readonly random: () => number
  /** Path and leading arguments that start this program again. */
  readonly self: readonly [string, ...string[]]
  /** Only of a process that was started to be asked things. */
  readonly parent?: Parent | undefined
  /** Acts later; the result calls that off. */
  readonly after: (ms: number, act: () => void) => () => void
  /** Acts at each SIGHUP, which then stops nothing. */
  readonly onHangup: (act: () => void) => void
  /** Aborted by the first SIGTERM or SIGINT, and by a SIGHUP that nobody acts at. */
  readonly stop: AbortSignal
}

/** The process that started this one to be asked things. */
export type Parent = {
  readonly send: (message: object) => void
  readonly onMessage: (act: (message: unknown) => void) => void
  readonly gone: Promise<void>
}

/** A flag of a command: read, explained and completed from this one statement. */
export type Option = {
  /** Without the dashes. */
  readonly name: string
  /** One letter that stands for it, without the dash. */
  readonly short?: string
  /** What it takes, such as `FILE`; a switch takes nothing. */
  readonly value?: string
  /** Where the value is one of a few words. */
  readonly choices?: readonly string[]
  readonly multiple?: true
  readonly summary: string
}

/** Groups of commands, in the order of `--help`. */
export const GROUPS = ['Sidecar', 'Logins', 'Images', 'Configuration', 'Helper verbs'] as const
export type Group = (typeof GROUPS)[number]

/** One verb of the command line. Help, completion, man pages and docs are made from it. */
export type Command = {
  readonly name: string
  /** Where it stands in `--help`: with those of the same group. */
  readonly group?: Group
  /** One line for `--help`. */
  readonly summary: string
  /** What follows the name, such as `HOST…`. */
  readonly operands?: string
  /** The words that the first operand may be. */
  readonly words?: readonly string[]
  readonly options?: readonly Option[]
  /** Paragraphs below the options. */
  readonly notes?: string
  readonly example: string
  /** Hidden commands are called by programs, not by people. */
  readonly hidden?: true
  /** Resolves to the exit code: 0 done, 1 failed, 2 used wrongly. */
  readonly run: (args: readonly string[], world: World) => Promise<number>
}
