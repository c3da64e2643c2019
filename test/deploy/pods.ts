/** The pods of a manifest, whatever makes them. */

import type { Manifest } from './files.ts'

type Probe = { readonly httpGet?: { readonly port: string } }

export type Container = {
  readonly name: string
  readonly args?: readonly string[]
  readonly ports?: readonly { readonly name: string; readonly hostPort?: number }[]
  readonly volumeMounts?: readonly { readonly name: string }[]
  readonly securityContext?: object
  readonly startupProbe?: Probe
  readonly livenessProbe?: Probe
  readonly readinessProbe?: Probe
}

type PodSpec = {
  readonly containers: readonly Container[]
  readonly initContainers?: readonly Container[]
  readonly hostNetwork?: boolean
  readonly securityContext?: object
  readonly volumes: readonly {
    readonly name: string
    readonly hostPath?: object
    readonly configMap?: { readonly name: string }
  }[]
}

type Workload = Manifest & {
  readonly spec: {
    readonly selector: { readonly matchLabels: object }
    readonly template: { readonly metadata: { readonly labels: object }; readonly spec: PodSpec }
  }
}

export type Pods = {
  readonly kind: string
  readonly name: string
  readonly namespace: string | undefined
  readonly labels: object
  readonly selector: object
  readonly spec: PodSpec
  /** Those that start it too. */
  readonly containers: readonly Container[]
}

export function isOfPods({ kind }: Manifest): boolean {
  return ['Pod', 'Deployment', 'DaemonSet'].includes(kind)
}

export function podsOf(manifest: Manifest): Pods {
  const { kind, metadata } = manifest
  const spec =
    kind === 'Pod'
      ? (manifest as Manifest & { spec: PodSpec }).spec
      : (manifest as Workload).spec.template.spec
  const labels = kind === 'Pod' ? {} : (manifest as Workload).spec.template.metadata.labels
  const selector = kind === 'Pod' ? {} : (manifest as Workload).spec.selector.matchLabels
  const containers = [...(spec.initContainers ?? []), ...spec.containers]
  return {
    kind,
    name: metadata.name,
    namespace: metadata.namespace,
    labels,
    selector,
    spec,
    containers,
  }
}
