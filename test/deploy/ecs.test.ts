import { beforeEach, describe, expect, it } from 'vitest'

import { lackOf } from '../support/installed.ts'
import { needs } from '../support/needs.ts'
import { filesOf, readJson, readText } from './files.ts'
import { report } from './task-definitions.ts'

const FILE = 'deploy/ecs/task-definition.json'

type Named = { readonly name: string }
type ContainerDefinition = Named & {
  readonly dependsOn?: readonly { readonly containerName: string }[]
  readonly mountPoints: readonly { readonly sourceVolume: string }[]
  readonly stopTimeout?: number
}
type TaskDefinition = {
  readonly volumes: readonly Named[]
  readonly containerDefinitions: readonly ContainerDefinition[]
}

describe('the task definition of ECS', () => {
  beforeEach((context) => needs(context, lackOf('aws', 'awscli')))

  it('is one that the AWS CLI would send', () => {
    expect(report(readText(FILE))).toBe('')
  })

  it('would be found out if it were not', () => {
    expect(report(readText(FILE).replace('"stopTimeout"', '"stopAfter"'))).toContain('"stopAfter"')
  })

  it('mounts volumes and awaits containers that it has', () => {
    const { volumes, containerDefinitions: containers } = readJson(FILE) as TaskDefinition
    const awaited = containers.flatMap(({ dependsOn = [] }) => dependsOn)
    const mounted = containers.flatMap(({ mountPoints }) => mountPoints)

    expect(namesOf(containers)).toEqual(
      expect.arrayContaining(awaited.map((one) => one.containerName)),
    )
    expect(namesOf(volumes)).toEqual(expect.arrayContaining(mounted.map((one) => one.sourceVolume)))
  })
})

describe.each([...filesOf('**/*-policy.json')])('the policy %s', (file) => {
  type Policy = { Version: string; Statement: { Action: string | string[]; Resource: string }[] }
  const policy = readJson(file) as Policy

  it('is of the current language, and names each action in full', () => {
    const actions = policy.Statement.flatMap(({ Action }) => Action)

    expect(policy.Version).toBe('2012-10-17')
    expect(actions.filter((action) => !/^[a-z-]+:[A-Z][A-Za-z]+$/.test(action))).toEqual([])
  })

  it('lets tokens be minted, on every resource as AWS asks', () => {
    const [mint] = policy.Statement.filter(({ Action }) =>
      [Action].flat().includes('ecr:GetAuthorizationToken'),
    )

    expect(mint?.Resource).toBe('*')
  })
})

function namesOf(all: readonly Named[]): readonly string[] {
  return all.map(({ name }) => name)
}
