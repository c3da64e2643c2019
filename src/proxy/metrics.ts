/** What is measured: the one list that counting, /metrics, dashboards and docs are held against. */

export type Metric = {
  /** Without `ecr_cname_`, which all of them begin with. */
  readonly name: string
  /** Counters and histograms go on counting when a process of several has ended. */
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** What several processes have of it together; their sum unless told. */
  readonly together?: 'max'
  readonly labels: readonly string[]
  readonly help: string
}

/** In the order in which they are shown. */
export const METRICS = [
  {
    name: 'build_info',
    type: 'gauge',
    together: 'max',
    labels: ['version'],
    help: 'Always 1; says which version runs.',
  },
  {
    name: 'start_time_seconds',
    type: 'gauge',
    together: 'max',
    labels: [],
    help: 'When the sidecar was started, in seconds since 1970.',
  },
  { name: 'workers', type: 'gauge', labels: [], help: 'Processes that serve.' },
  {
    name: 'worker_ends_total',
    type: 'counter',
    labels: [],
    help: 'Workers that ended unasked and were replaced.',
  },
  { name: 'connections', type: 'gauge', labels: [], help: "Clients' connections that are open." },
  { name: 'requests_in_flight', type: 'gauge', labels: [], help: 'Requests under way.' },
  {
    name: 'requests_total',
    type: 'counter',
    labels: ['registry', 'route', 'method', 'status'],
    help: 'Requests that are over; registry and route are none where no name is mapped, status is 499 when the client left.',
  },
  {
    name: 'request_duration_seconds',
    type: 'histogram',
    labels: ['registry', 'route'],
    help: 'From the head of a request to the end of its answer.',
  },
  {
    name: 'request_bytes_total',
    type: 'counter',
    labels: ['registry', 'route'],
    help: 'Bytes of bodies that clients sent.',
  },
  {
    name: 'response_bytes_total',
    type: 'counter',
    labels: ['registry', 'route'],
    help: 'Bytes of bodies that registries and buckets sent to clients.',
  },
  {
    name: 'pulls_total',
    type: 'counter',
    labels: ['registry', 'repository'],
    help: 'Manifests that clients got; repositories beyond the first thousand are counted as other.',
  },
  {
    name: 'pushes_total',
    type: 'counter',
    labels: ['registry', 'repository'],
    help: 'Manifests that clients put; repositories beyond the first thousand are counted as other.',
  },
  {
    name: 'refusals_total',
    type: 'counter',
    labels: ['reason', 'status'],
    help: "Answers of the sidecar's own, by the code that clients are told.",
  },
  {
    name: 'upstream_errors_total',
    type: 'counter',
    labels: ['registry', 'kind'],
    help: 'Requests that a registry, or a bucket of layers, could not answer, or not to the end.',
  },
  {
    name: 'upstream_answer_timestamp_seconds',
    type: 'gauge',
    together: 'max',
    labels: ['name', 'registry'],
    help: 'When the registry of a name last answered anything.',
  },
  {
    name: 'failovers_total',
    type: 'counter',
    labels: ['registry', 'replica'],
    help: 'Reads that a replica answered in place of the registry.',
  },
  {
    name: 'token_age_seconds',
    type: 'gauge',
    together: 'max',
    labels: ['name', 'registry'],
    help: "Age of the sidecar's own token, with inject.",
  },
  {
    name: 'token_expiry_timestamp_seconds',
    type: 'gauge',
    together: 'max',
    labels: ['name', 'registry'],
    help: "When the sidecar's own token ends, with inject.",
  },
  {
    name: 'mint_failures_total',
    type: 'counter',
    labels: ['registry'],
    help: 'Tokens that AWS did not hand out.',
  },
  {
    name: 'certificate_expiry_timestamp_seconds',
    type: 'gauge',
    together: 'max',
    labels: ['name'],
    help: 'When the certificate ends that clients of a name are shown.',
  },
  {
    name: 'reloads_total',
    type: 'counter',
    labels: ['outcome'],
    help: 'Configuration, certificates and clients read anew: done, or failed and left as before.',
  },
  {
    name: 'cloudwatch_puts_total',
    type: 'counter',
    labels: ['outcome'],
    help: 'Calls of PutMetricData: done or failed.',
  },
  {
    name: 'cloudwatch_dropped_total',
    type: 'counter',
    labels: [],
    help: 'Pulls and pushes that CloudWatch was not told of.',
  },
  {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    labels: [],
    help: 'Memory of all processes.',
  },
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    labels: [],
    help: 'User and system time of all processes.',
  },
  {
    name: 'event_loop_lag_seconds',
    type: 'gauge',
    together: 'max',
    labels: ['percentile'],
    help: 'How late timers were within the last minute or so, in the process where it was worst.',
  },
] as const satisfies readonly Metric[]

export type MetricName = (typeof METRICS)[number]['name']
export type Labels = Readonly<Record<string, string>>

/** One value. A histogram has several, told apart by a suffix. */
export type Sample = {
  readonly suffix?: '_bucket' | '_sum' | '_count'
  readonly labels: Labels
  readonly value: number
}

/** Values of a moment, as plain JSON. */
export type Figures = { readonly [name in MetricName]?: readonly Sample[] }

/** One value, with its labels. */
export function sampleOf(value: number, labels: Labels = {}): Sample {
  return { labels, value }
}
