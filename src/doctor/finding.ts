/** What an examination finds: one line of what is, and where it is not right, why and what mends it. */

import { oneLine } from '../domain/errors.ts'

/** The links of the chain from `docker pull` to ECR, in the order in which they are shown. */
export const LINKS = [
  'program',
  'configuration',
  'store',
  'docker',
  'podman',
  'containerd',
  'kubelet',
  'services',
  'mapping',
  'identity',
  'clock',
  'token',
  'permissions',
  'registry',
  'name',
  'trust',
  'sidecar',
] as const
export type Link = (typeof LINKS)[number]

/** `skipped` could not be looked at, or is not needed; the text says which. */
export type State = 'ok' | 'warning' | 'broken' | 'skipped'

/** What makes it right. */
export type Fix = {
  /** To be run, or a sentence where no command does it. */
  readonly command: string
  /** To be pasted where the command says, such as a policy. */
  readonly paste?: string
  /** Does it: only what can't do harm, and can be taken back. */
  readonly mend?: () => Promise<void> | void
}

export type Finding = {
  /** Stays the same from version to version; `<link>` alone where all is well. */
  readonly id: string
  readonly link: Link
  readonly state: State
  /** The name that it is about, if it is about one. */
  readonly host?: string
  readonly what: string
  /** Why it matters. */
  readonly why?: string
  readonly fix?: Fix
}

type Trouble = { readonly what: string; readonly why: string; readonly fix: Fix | string }

/** Makes findings of one link; an id begins with it. What is told may be from elsewhere: one line. */
export function findingsOf(link: Link, host?: string) {
  const about = host === undefined ? { link } : { link, host }
  const trouble =
    (state: State) =>
    (id: string, { what, why, fix }: Trouble): Finding => ({
      ...about,
      id: `${link}-${id}`,
      state,
      what: oneLine(what),
      why,
      fix: typeof fix === 'string' ? { command: fix } : fix,
    })
  return {
    ok: (what: string): Finding => ({ ...about, id: link, state: 'ok', what: oneLine(what) }),
    skipped: (what: string): Finding => ({
      ...about,
      id: link,
      state: 'skipped',
      what: oneLine(what),
    }),
    warning: trouble('warning'),
    broken: trouble('broken'),
  }
}

/** Whether one of them is broken. */
export function isBroken(findings: readonly Finding[]): boolean {
  return findings.some(({ state }) => state === 'broken')
}
