import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { mergeConfig } from '../../src/domain/config.ts'
import { temporaryFolder } from '../support/folder.ts'
import { filesOf, type Manifest, readManifests, readYaml } from './files.ts'
import { checkTypes } from './kubernetes-types.ts'
import { isOfPods, type Pods, podsOf } from './pods.ts'

const KUSTOMIZATION = 'deploy/kubernetes/kustomization.yaml'
const files = filesOf('kubernetes/*.yaml').filter((file) => file !== KUSTOMIZATION)
const manifests = files.flatMap((file) => readManifests(file))
const pods = manifests.filter(isOfPods).map((manifest) => podsOf(manifest))

describe('the manifests of Kubernetes', () => {
  it('are of the types of its API', () => {
    const all = Object.fromEntries(files.map((file) => [file, readManifests(file)]))

    expect(checkTypes(temporaryFolder(), all)).toBe('')
  })

  it('would be found out if they were not', () => {
    const [text = ''] = files.filter((file) => file.endsWith('/deployment.yaml'))
    const wrong = readManifests(text).map(
      (manifest) =>
        JSON.parse(
          JSON.stringify(manifest).replace('"readinessProbe"', '"readyProbe"'),
        ) as Manifest,
    )

    expect(checkTypes(temporaryFolder(), { wrong })).toContain(
      '"readyProbe"\' does not exist in type',
    )
  })

  it('have a namespace, which one of them makes', () => {
    const made = manifests
      .filter(({ kind }) => kind === 'Namespace')
      .map(({ metadata }) => metadata.name)
    const others = manifests.filter(({ kind }) => kind !== 'Namespace')

    expect(others.filter(({ metadata }) => !made.includes(metadata.namespace ?? ''))).toEqual([])
  })

  it('are named by the kustomization where they exist', () => {
    const [{ resources } = { resources: [] }] = readYaml(KUSTOMIZATION) as { resources: string[] }[]

    expect(resources.filter((file) => !existsSync(join('deploy/kubernetes', file)))).toEqual([])
  })

  it.each(manifests.filter(({ kind }) => kind === 'ConfigMap'))(
    'configure the sidecar as it takes it: $metadata.namespace/$metadata.name',
    (manifest) => {
      const { data } = manifest as Manifest & { data: Record<string, string> }
      const value: unknown = JSON.parse(data['config.json'] ?? '')

      expect(mergeConfig([{ where: 'config.json', value }]).mappings).not.toEqual([])
    },
  )
})

describe.each(pods)('the pods of $kind $name', (pod: Pods) => {
  it('carry the labels that they are selected by', () => {
    expect(pod.labels).toMatchObject(pod.selector)
  })

  it('mount volumes that they have, from what is there', () => {
    const names = pod.spec.volumes.map(({ name }) => name)
    const mounted = pod.containers.flatMap(({ volumeMounts = [] }) => volumeMounts)
    const maps = pod.spec.volumes.flatMap(({ configMap }) => configMap?.name ?? [])
    const there = manifests
      .filter(({ kind, metadata }) => kind === 'ConfigMap' && metadata.namespace === pod.namespace)
      .map(({ metadata }) => metadata.name)

    expect(new Set(mounted.map(({ name }) => name))).toEqual(new Set(names))
    expect(there).toEqual(expect.arrayContaining(maps))
  })

  it('are probed at ports that they name', () => {
    const named = pod.containers.flatMap(({ ports = [] }) => ports.map(({ name }) => name))
    const probed = pod.containers.flatMap((container) =>
      [container.startupProbe, container.livenessProbe, container.readinessProbe].flatMap(
        (probe) => probe?.httpGet?.port ?? [],
      ),
    )

    expect(named).toEqual(expect.arrayContaining(probed))
  })
})

const standardOf = ({ namespace }: Pods) => {
  const made = manifests.find(({ kind, metadata }) => {
    return kind === 'Namespace' && metadata.name === namespace
  })
  return made?.metadata.labels?.['pod-security.kubernetes.io/enforce']
}
const ofNode = ({ spec, containers }: Pods) => ({
  folders: spec.volumes.filter(({ hostPath }) => hostPath),
  ports: containers.flatMap(({ ports = [] }) => ports.filter(({ hostPort }) => hostPort)),
})
const UNPRIVILEGED = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }

describe.each(pods.filter((pod) => standardOf(pod) === 'restricted'))(
  'the pods of $kind $name, whose namespace asks for the "restricted" standard',
  (pod: Pods) => {
    it('keep to it', () => {
      const { spec, containers } = pod

      expect(spec.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      })
      expect(spec.hostNetwork ?? false).toBe(false)
      expect(ofNode(pod)).toEqual({ folders: [], ports: [] })
      containers.forEach(({ securityContext }) => {
        expect(securityContext).toMatchObject(UNPRIVILEGED)
      })
    })
  },
)

// Beyond "restricted" and "baseline", so that no standard but "privileged" has them.
describe.each(pods.filter((pod) => standardOf(pod) !== 'restricted'))(
  'the pods of $kind $name, which have a port or a folder of their node',
  (pod: Pods) => {
    it('are in a namespace that lets them, and take no other right of "privileged"', () => {
      const { spec, containers } = pod
      const { folders, ports } = ofNode(pod)

      expect(standardOf(pod)).toBe('privileged')
      expect(folders.length + ports.length).toBe(1)
      expect(spec.hostNetwork ?? false).toBe(false)
      containers.forEach(({ securityContext }) => {
        expect(securityContext).toMatchObject(UNPRIVILEGED)
        expect(securityContext).not.toHaveProperty('privileged')
      })
    })
  },
)

describe('the Service, autoscaler and disruption budget', () => {
  it('are of the Deployment that is there', () => {
    const deployment = pods.find(({ kind }) => kind === 'Deployment')
    const of = (kind: string) =>
      manifests.find((manifest) => manifest.kind === kind) as unknown as {
        spec: Record<string, unknown>
      }

    expect(deployment?.labels).toMatchObject(of('Service').spec['selector'] as object)
    expect(of('PodDisruptionBudget').spec['selector']).toEqual({
      matchLabels: deployment?.selector,
    })
    expect(of('HorizontalPodAutoscaler').spec['scaleTargetRef']).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name: deployment?.name,
    })
  })
})
