/** What happens on the way, for whoever shows it. */

import type { Descriptor } from './manifest.ts'

/** How a blob came to be where it is now. */
export type Outcome = 'downloaded' | 'cached' | 'uploaded' | 'present' | 'mounted'

export type ProgressEvent =
  /** All that is to be moved, told first. */
  | { readonly kind: 'plan'; readonly blobs: readonly Pick<Descriptor, 'digest' | 'size'>[] }
  /** So many more bytes; fewer than none where a blob begins anew. */
  | { readonly kind: 'bytes'; readonly digest: string; readonly bytes: number }
  | { readonly kind: 'done'; readonly digest: string; readonly how: Outcome }
  /** Something failed that another try may not meet. */
  | {
      readonly kind: 'retry'
      readonly digest?: string
      readonly reason: string
      readonly waitMs: number
    }

export type Report = (event: ProgressEvent) => void
