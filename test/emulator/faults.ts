/** Faults: what goes wrong, where, and for how many calls. */

export type ServiceName =
  'ecr' | 'ecr-public' | 'cloudwatch' | 'sts' | 'sso' | 'registry' | 'bucket' | 'imds' | 'container'

type Trouble =
  /** Never answers. */
  | { readonly kind: 'hang' }
  /** Answers late. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Sends a layer no faster. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  | { readonly kind: 'throttle' }
  /** `html` is what a balancer in front says; else the service's own form of an error. */
  | { readonly kind: 'status'; readonly status: number; readonly html?: boolean }
  /** As if no policy allowed the action. */
  | { readonly kind: 'deny' }
  /** Cuts the connection: at once, or after so many bytes of a blob in either direction. */
  | { readonly kind: 'cut'; readonly afterBytes?: number }
  /** Of the bucket: a layer with a byte changed, with more than it has, or without end. */
  | { readonly kind: 'garble' | 'lengthen' | 'endless' }

export type Fault = Trouble & {
  readonly service: ServiceName
  /** Only for this operation, named as in the log of calls. */
  readonly operation?: string
  /** For the next so many calls; without it until it is taken away. */
  times?: number
}

/** The fault that a call meets, if any; one that is counted is used up by it. */
export function takeFault(
  faults: Fault[],
  service: ServiceName,
  operation: string,
): Fault | undefined {
  const index = faults.findIndex(
    (fault) =>
      fault.service === service &&
      (fault.operation === undefined || fault.operation === operation) &&
      fault.times !== 0,
  )
  const fault = faults[index]
  if (fault?.times !== undefined && --fault.times === 0) faults.splice(index, 1)
  return fault
}
