/** What is known, at a moment, of the names that a sidecar serves. Times in ms since 1970. */

export type State = {
  readonly startedAt: number
  readonly workers: number
  readonly names: readonly NameState[]
}

export type NameState = {
  readonly name: string
  readonly registry: string
  /** The registries that reads go to when the first can't answer. */
  readonly replicas: readonly string[]
  /** The certificate that clients of this name are shown; none over plain HTTP. */
  readonly certificate?: { readonly notBefore: number; readonly notAfter: number }
  /** The sidecar's own token, with `inject`. */
  readonly token?: { readonly mintedAt: number; readonly expiresAt: number }
  readonly upstream: {
    /** When it last answered anything. */
    readonly answeredAt?: number
    /** When it last could not be reached, and why. */
    readonly failedAt?: number
    readonly error?: string
  }
}
