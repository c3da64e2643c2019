/** The forms of a Docker configuration: as it is, as a Kubernetes secret, as DC/OS' archive. */

import type { Auths } from '../../domain/docker-config.ts'
import { UserError } from '../../domain/errors.ts'

/** Name and namespace of a Kubernetes secret. */
export type SecretPlace = { readonly name: string; readonly namespace?: string }

/** A config.json with nothing but logins. */
export function toConfig(auths: Auths): string {
  return `${JSON.stringify({ auths }, null, '\t')}\n`
}

/** A Kubernetes secret, as YAML; quoted texts, for a name may look like a number. */
export function toSecret(auths: Auths, { name, namespace }: SecretPlace): string {
  const lines = [
    'apiVersion: v1',
    'kind: Secret',
    'metadata:',
    `  name: ${JSON.stringify(name)}`,
    ...(namespace === undefined ? [] : [`  namespace: ${JSON.stringify(namespace)}`]),
    'type: kubernetes.io/dockerconfigjson',
    'data:',
    `  .dockerconfigjson: ${btoa(toConfig(auths))}`,
  ]
  return `${lines.join('\n')}\n`
}

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/

/** Checks a name for Kubernetes, before anything is minted for it. */
export function secretPlace(name = 'ecr-cname', namespace?: string): SecretPlace {
  // RFC 1123, as https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ has it.
  const isName = name.length <= 253 && name.split('.').every((part) => LABEL.test(part))
  const isSpace = namespace === undefined || /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)
  if (!isName) throw new UserError('USAGE', `--name: expected one such as regcred, got ${name}`)
  if (!isSpace) {
    throw new UserError('USAGE', `--namespace: expected one such as team-a, got ${namespace}`)
  }
  return namespace === undefined ? { name } : { name, namespace }
}
