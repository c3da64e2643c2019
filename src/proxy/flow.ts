/** A body on its way: read into memory that is used again, and handed on in large parts. */

/** Where parts go; a part is theirs until they say that they are done with it. */
export type Sink = (part: Buffer, done: (error?: Error | null) => void) => void

export type FlowOptions = {
  readonly sink: Sink
  /** Told when more was handed on than should wait, and when that has gone down again. */
  readonly held: (isHeld: boolean) => void
}

/** Takes a body as it comes. */
export class Flow {
  readonly #options: FlowOptions
  #slab = takeSlab()
  /** What was read, and not yet handed on. */
  #from = 0
  #to = 0
  /** Bytes that were handed on, and are not done with. */
  #waiting = 0
  #isHeld = false
  #isDue = false

  constructor(options: FlowOptions) {
    this.#options = options
  }

  /** Where the next bytes shall be put. */
  room(): Buffer {
    return this.#slab.bytes.subarray(this.#to)
  }

  /** Takes so many bytes that were put there; they go on when the loop has read all there was. */
  took(count: number): void {
    this.#to += count
    if (SLAB_BYTES - this.#to < MOST_AT_ONCE) this.#next()
    else if (!this.#isDue) {
      this.#isDue = true
      setImmediate(() => this.flush())
    }
  }

  /** Hands on what is there. */
  flush(): void {
    this.#isDue = false
    const slab = this.#slab
    const part = slab.bytes.subarray(this.#from, this.#to)
    if (part.length === 0) return
    this.#from = this.#to
    this.#waiting += part.length
    slab.users += 1
    this.#options.sink(part, (error) => {
      this.#waiting -= part.length
      // Of a write that failed it is not known who still holds it.
      if (!error) leaveSlab(slab)
      this.#hold()
    })
    this.#hold()
  }

  /** Hands on what is there, and takes no more. */
  end(): void {
    this.flush()
    leaveSlab(this.#slab)
  }

  #next(): void {
    this.flush()
    leaveSlab(this.#slab)
    this.#slab = takeSlab()
    this.#from = 0
    this.#to = 0
  }

  #hold(): void {
    const isHeld = this.#waiting > (this.#isHeld ? MOST_WAITING / 2 : MOST_WAITING)
    if (isHeld === this.#isHeld) return
    this.#isHeld = isHeld
    this.#options.held(isHeld)
  }
}

/** Memory, and how many still read or write in it. */
type Slab = { readonly bytes: Buffer; users: number }

const SLAB_BYTES = 128 * 1024
// A TLS record; Node reads no more into memory of its user.
const MOST_AT_ONCE = 16 * 1024
const MOST_WAITING = 256 * 1024
// Those of some thirty streams are kept for the next.
const MOST_FREE = 64

const free: Slab[] = []

function takeSlab(): Slab {
  const slab = free.pop() ?? { bytes: Buffer.allocUnsafeSlow(SLAB_BYTES), users: 0 }
  slab.users = 1
  return slab
}

function leaveSlab(slab: Slab): void {
  slab.users -= 1
  if (slab.users === 0 && free.length < MOST_FREE) free.push(slab)
}
