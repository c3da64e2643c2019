/**
 * kubelet's image credential providers: ours comes first, for our names, and the others stay.
 * https://kubernetes.io/docs/reference/config-api/kubelet-config.v1/
 */

import { type Document, isMap, isNode, isScalar, isSeq, parseDocument, stringify } from 'yaml'
import { UserError } from '../domain/errors.ts'
import { ROLE_ANNOTATION } from '../domain/kubelet.ts'
import { editJson } from '../io/json-edit.ts'
import { readJsonFile } from '../io/json-file.ts'
import { type Change, textOf } from './plan.ts'

export type ProviderSetup = {
  /** The CredentialProviderConfig, YAML or JSON; it may not be there. */
  readonly file: string
  /** Names of images' registries, wildcards too. */
  readonly names: readonly string[]
  /** kubelet's; unknown where it can't be asked. */
  readonly version: readonly [number, number] | undefined
  readonly podRoles: boolean
  /** Whether names of an earlier setup stay. */
  readonly isMore: boolean
}

/** The provider's name, which its program has to bear. */
export const PROVIDER = 'ecr-cname'

/** ECR's own names, as one glob stands for one label. */
const ECR_NAMES = [
  '*.dkr.ecr.*.amazonaws.com',
  '*.dkr.ecr.*.amazonaws.com.cn',
  '*.dkr.ecr-fips.*.amazonaws.com',
  '*.dkr-ecr.*.on.aws',
]

type Provider = Readonly<Record<string, unknown>> & { readonly name?: unknown }

/** What has to change in the file. */
export function planProviders(setup: ProviderSetup): readonly Change[] {
  const { file } = setup
  const before = textOf(file)
  const after = isJson(before) ? inJson(before, setup) : inYaml(before, setup)
  return after === before ? [] : [{ path: file, content: Buffer.from(after) }]
}

function isJson(text: string): boolean {
  return /^\uFEFF?\s*\{/.test(text)
}

function inJson(before: string, setup: ProviderSetup): string {
  const config = (readJsonFile(setup.file)?.value ?? {}) as Readonly<Record<string, unknown>>
  const { providers, isChanged } = merge(config, setup)
  return isChanged ? editJson(before, [{ path: ['providers'], value: providers }]) : before
}

function inYaml(before: string, setup: ProviderSetup): string {
  const bom = before.startsWith('\uFEFF') ? '\uFEFF' : ''
  const plain = before.slice(bom.length)
  const document = parseDocument(plain)
  const [error] = document.errors
  if (error) {
    const { line = 1, col = 1 } = error.linePos?.[0] ?? {}
    const message = `${setup.file}: line ${line}, column ${col}: expected YAML; mend it first`
    throw new UserError('FILE', message)
  }
  const config = (document.toJS() ?? {}) as Readonly<Record<string, unknown>>
  if (typeof config !== 'object' || Array.isArray(config)) throw notOne(setup.file)
  const { own, at, providers, isChanged } = merge(config, setup)
  if (!isChanged) return before
  const text = at === undefined ? inserted(plain, document, own) : undefined
  if (text !== undefined) return bom + text
  if (document.contents === null) {
    const apiVersion = `kubelet.config.k8s.io/${versionFor(setup, config)}`
    return `${bom}${plain}${stringify({ apiVersion, kind: KIND, providers }, LAYOUT)}`
  }
  if (at === undefined) document.set('providers', document.createNode(providers))
  else document.setIn(['providers', at], document.createNode(own))
  return bom + withEndsOf(plain, document.toString(LAYOUT))
}

const LAYOUT = { lineWidth: 0, flowCollectionPadding: false }

// Right behind the key, so that nothing else of the text changes.
function inserted(text: string, document: Document, own: Provider): string | undefined {
  const pairs = isMap(document.contents) ? document.contents.items : []
  const pair = pairs.find(({ key }) => isScalar(key) && key.value === 'providers')
  const [first] = isSeq(pair?.value) && !pair.value.flow ? pair.value.items : []
  if (!isScalar(pair?.key) || !isNode(first)) return undefined
  const [key, item] = [pair.key.range?.[0] ?? 0, first.range?.[0] ?? 0]
  const start = text.indexOf('\n', key) + 1
  const margin = /^[ ]*/.exec(text.slice(text.lastIndexOf('\n', item) + 1))?.[0] ?? ''
  const entry = stringify([own], LAYOUT).replaceAll(/^(?=.)/gm, margin)
  return text.slice(0, start) + withEndsOf(text, entry) + text.slice(start)
}

function withEndsOf(text: string, written: string): string {
  return text.includes('\r\n') ? written.replaceAll(/\r?\n/g, '\r\n') : written
}

const V1 = 'kubelet.config.k8s.io/v1'
const KIND = 'CredentialProviderConfig'

function merge(config: Readonly<Record<string, unknown>>, setup: ProviderSetup) {
  const { apiVersion = V1, kind = KIND, providers = [] } = config
  if (kind !== KIND || !Array.isArray(providers)) throw notOne(setup.file)
  // Other versions know no service accounts, and kubelet refuses what it does not know.
  if (setup.podRoles && apiVersion !== V1) {
    const message = `${setup.file}: --pod-roles takes apiVersion ${V1}; change it first`
    throw new UserError('FILE', message)
  }
  const all = providers as readonly Provider[]
  const at = all.findIndex(({ name }) => name === PROVIDER)
  const earlier = all[at] ?? {}
  const own = ownProvider(config, setup, {
    earlier,
    others: all.filter((_, index) => index !== at),
  })
  const isChanged = JSON.stringify(own) !== JSON.stringify(earlier)
  const merged = at === -1 ? [own, ...all] : all.with(at, own)
  return { own, at: at === -1 ? undefined : at, providers: merged, isChanged }
}

type Present = { readonly earlier: Provider; readonly others: readonly Provider[] }

function ownProvider(
  config: Readonly<Record<string, unknown>>,
  setup: ProviderSetup,
  { earlier, others }: Present,
): Provider {
  const matched = setup.isMore ? namesOf(earlier) : []
  const theirs = others.flatMap(namesOf)
  // Where somebody serves ECR's own names already, they go on to.
  const isServed = theirs.some((name) => /\.(dkr[.-]ecr)\b/.test(name))
  const ecr = setup.isMore || isServed ? [] : ECR_NAMES
  const names = [...new Set([...matched, ...setup.names, ...ecr])]
  // kubelet does not start with a provider for nothing.
  if (names.length === 0) {
    throw new UserError('CONFIG', 'no name is mapped; first: ecr-cname map add HOST ECR_HOST')
  }
  return {
    ...earlier,
    name: PROVIDER,
    matchImages: names,
    // Where an answer says nothing else, which ours always does.
    defaultCacheDuration: earlier['defaultCacheDuration'] ?? '1h',
    apiVersion: `credentialprovider.kubelet.k8s.io/${versionFor(setup, config)}`,
    args: ['credential-provider'],
    ...(setup.podRoles && { tokenAttributes: TOKEN_ATTRIBUTES }),
  }
}

// A pod without a role, and one without a service account, pull as the node does.
const TOKEN_ATTRIBUTES = {
  serviceAccountTokenAudience: 'sts.amazonaws.com',
  cacheType: 'ServiceAccount',
  requireServiceAccount: false,
  optionalServiceAccountAnnotationKeys: [ROLE_ANNOTATION],
}

function namesOf({ matchImages }: Provider): readonly string[] {
  return Array.isArray(matchImages) ? matchImages.map(String) : []
}

// v1 since Kubernetes 1.26; else as the file has it.
function versionFor({ version }: ProviderSetup, { apiVersion }: Readonly<Record<string, unknown>>) {
  if (version) return version[0] === 1 && version[1] < 26 ? 'v1beta1' : 'v1'
  const [, said] = /^kubelet\.config\.k8s\.io\/(v1\w*)$/.exec(String(apiVersion)) ?? []
  return said ?? 'v1'
}

function notOne(file: string): UserError {
  return new UserError('FILE', `${file}: expected a ${KIND}, as kubelet does; mend it first`)
}
