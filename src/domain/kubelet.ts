/**
 * What kubelet asks of an image credential provider, and what it is answered.
 * https://kubernetes.io/docs/reference/config-api/kubelet-credentialprovider.v1/
 */

import { UserError } from './errors.ts'

export type KubeletRequest = {
  /** Echoed, for kubelet takes no other version than its own. */
  readonly apiVersion: string
  readonly image: string
  /** The role of the pod's service account, where kubelet tells of one and sends its token. */
  readonly podRole?: PodRole
}

/** A role that a pod's service account may take with its token, as EKS' IRSA has it. */
export type PodRole = { readonly roleArn: string; readonly token: string }

/** A password for images of a registry, and how long kubelet may keep it. */
export type KubeletAnswer = {
  readonly registry: string
  readonly username: string
  readonly password: string
  /** In seconds. */
  readonly holds: number
}

/** The annotation of a service account that names its role. */
export const ROLE_ANNOTATION = 'eks.amazonaws.com/role-arn'

const VERSIONS = /^credentialprovider\.kubelet\.k8s\.io\/(v1|v1beta1|v1alpha1)$/

/** Reads a CredentialProviderRequest; a UserError says what is wrong with it, never what is in it. */
export function readKubeletRequest(text: string): KubeletRequest {
  const request = parse(text)
  const { kind, apiVersion, image, serviceAccountToken, serviceAccountAnnotations } = request
  if (kind !== 'CredentialProviderRequest') throw wrong('kind', 'CredentialProviderRequest')
  if (typeof apiVersion !== 'string' || !VERSIONS.test(apiVersion)) {
    throw wrong('apiVersion', 'credentialprovider.kubelet.k8s.io/v1 or v1beta1')
  }
  if (typeof image !== 'string' || image === '') throw wrong('image', 'the name of an image')
  const annotations = (serviceAccountAnnotations ?? {}) as Readonly<Record<string, unknown>>
  const roleArn = annotations[ROLE_ANNOTATION]
  if (typeof roleArn !== 'string') return { apiVersion, image }
  if (typeof serviceAccountToken !== 'string' || serviceAccountToken === '') {
    throw wrong('serviceAccountToken', `a token, for ${ROLE_ANNOTATION} names a role`)
  }
  return { apiVersion, image, podRole: { roleArn, token: serviceAccountToken } }
}

/** The CredentialProviderResponse; without an answer kubelet pulls as it would have without us. */
export function toKubeletResponse(apiVersion: string, answer: KubeletAnswer | undefined): string {
  return `${JSON.stringify({
    kind: 'CredentialProviderResponse',
    apiVersion,
    // One token is good for all of a registry. Kubelet adds the service account by itself.
    cacheKeyType: 'Registry',
    cacheDuration: `${answer?.holds ?? 0}s`,
    auth: answer
      ? { [answer.registry]: { username: answer.username, password: answer.password } }
      : null,
  })}\n`
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // The same.
  }
  throw new UserError('USAGE', `stdin: expected a CredentialProviderRequest as JSON, from kubelet`)
}

function wrong(key: string, expected: string): UserError {
  return new UserError('USAGE', `CredentialProviderRequest: ${key}: expected ${expected}`)
}
