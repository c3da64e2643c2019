/**
 * The chart by what was rendered of it. No helm is in CI: that the chart lints, and that its rendering
 * gives what is kept, is not covered here but by deploy/helm/render.sh, which whoever changes the chart
 * has to run.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

import { mergeConfig } from '../../src/domain/config.ts'
import { temporaryFolder } from '../support/folder.ts'
import { filesOf, type Manifest, readManifests, readText } from './files.ts'
import { checkTypes } from './kubernetes-types.ts'
import { isOfPods, podsOf } from './pods.ts'

const rendered = filesOf('helm/rendered/*.yaml')

describe('the Helm chart', () => {
  it.each(rendered)('is what %s was rendered of; else run deploy/helm/render.sh', (file) => {
    expect(readText(file).split('\n')[0]).toBe(`# chart: ${sumOfChart()}`)
  })

  it('was rendered for each file of values', () => {
    const values = filesOf('helm/values/*.yaml')

    expect(rendered).toEqual(values.map((file) => file.replace('/values/', '/rendered/')))
  })

  it('makes manifests of the types of the API', () => {
    const all = Object.fromEntries(rendered.map((file) => [file, readManifests(file)]))

    expect(checkTypes(temporaryFolder(), all)).toBe('')
  })

  it('makes the same kinds as the plain manifests', () => {
    const kinds = (file: string) => readManifests(file).map(({ kind }) => kind)
    const plain = [
      ...kinds('deploy/kubernetes/config.yaml'),
      ...kinds('deploy/kubernetes/deployment.yaml'),
    ]

    rendered.forEach((file) => expect(kinds(file).sort()).toEqual(plain.toSorted()))
  })

  it.each(rendered)('%s configures the sidecar as it takes it', (file) => {
    const map = readManifests(file).find(({ kind }) => kind === 'ConfigMap') as Manifest & {
      data: Record<string, string>
    }
    const value: unknown = JSON.parse(map.data['config.json'] ?? '')

    expect(mergeConfig([{ where: file, value }]).mappings).not.toEqual([])
  })

  it.each(rendered)('%s mounts volumes that it has, in pods that are selected', (file) => {
    const [pods] = readManifests(file).filter(isOfPods).map(podsOf)
    const volumes = pods?.spec.volumes.map(({ name }) => name)

    expect(pods?.containers[0]?.volumeMounts?.map(({ name }) => name)).toEqual(volumes)
    expect(pods?.labels).toEqual(pods?.selector)
  })
})

/** As render.sh makes it. */
function sumOfChart(): string {
  const files = [...filesOf('helm/ecr-cname/**/*'), ...filesOf('helm/values/*')]
  const lines = files.map(
    (file) => `${sha256(readFileSync(file))}  ${file.slice('deploy/helm/'.length)}\n`,
  )
  return sha256(lines.join(''))
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}
