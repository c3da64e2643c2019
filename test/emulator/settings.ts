/** What may be changed while the emulator runs: behaviour that nobody has pinned down, and faults. */

import type { Fault } from './faults.ts'

/** Patterns such as `ecr:*`; a denied action wins over an allowed one. */
export type Policy = { readonly allow?: readonly string[]; readonly deny?: readonly string[] }

/** A long-lived access key and whom it stands for. */
export type AccessKey = Policy & { readonly secret: string; readonly arn: string }

/** A role; one with an `externalId` is assumed only by who names it. */
export type Role = Policy & { readonly externalId?: string }

export type Settings = {
  /** By access key id. */
  keys: Record<string, AccessKey>
  /** By ARN. */
  roles: Record<string, Role>
  /** What repositories' own policies deny, by repository, to the API's calls for a pull. */
  repositoryPolicies: Record<string, Policy>
  /** Regions that the API serves; empty means every region. */
  regions: string[]
  /** Added to the clock: what AWS believes the time to be. */
  clockOffsetMs: number
  faults: Fault[]

  /** Length of the password in a token, in characters. */
  tokenBytes: number
  tokenSeconds: number
  /** Life of session credentials from STS, SSO, IMDS and the container endpoint. */
  sessionSeconds: number
  webIdentityToken: string
  ssoToken: string
  ssoTokenExpired: boolean
  containerToken: string
  /** Answers IMDS requests without a token, as version 1 did. */
  imdsV1: boolean

  /** Puts the emulator's own port into Location, Link and realm; the real ECR is on 443. */
  locationPort: boolean
  /** Accepts a Host that carries the port it was reached at. */
  hostPort: boolean
  wrongHostStatus: number
  /** Body of the 400 for garbage and for a token of another region. */
  badTokenBody: string
  /** Builds Location and Link from X-Forwarded-Host and X-Forwarded-Proto. */
  readsForwarded: boolean
  /** Whether the registry offers HTTP/2; read at the start. */
  http2: boolean
  /** More names on the registry's certificates. */
  extraNames: string[]
  /** `Range` on the answer that opens an upload; empty for none. */
  openRange: string
  /** Whether `Range` after a PATCH stays at the end of the first part or grows. */
  patchRange: 'first' | 'all'
  /** Every part of an upload but the last has at least this size. */
  minPartBytes: number
  /** The account setting BLOB_MOUNTING. */
  blobMounting: boolean
  /** Refuses a download of a layer that no image refers to. */
  onlyReferencedBlobs: boolean
  /** Hands out one platform's manifest to a client that does not accept an index. */
  downgradesIndex: boolean
  /** Whether DELETE works; if not, it is answered with a plain 404. */
  deletes: boolean
  pageSize: number

  /** Host of the layer bucket; `{region}` stands for the region. */
  bucketHost: string
  presignedSeconds: number
}

/** The settings of a fresh emulator. */
export function defaultSettings(account: string): Settings {
  const role = (name: string) => `arn:aws:iam::${account}:role/${name}`
  return {
    keys: {
      // The key pair of the AWS documentation.
      AKIAIOSFODNN7EXAMPLE: {
        secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
        arn: `arn:aws:iam::${account}:user/developer`,
      },
    },
    roles: {
      [role('build')]: {},
      [role('partner')]: { externalId: 'partner-42' },
      [role('instance')]: {},
      [role('task')]: {},
      [role('workload')]: {},
      [role('sso')]: {},
    },
    repositoryPolicies: {},
    regions: [],
    clockOffsetMs: 0,
    faults: [],
    tokenBytes: 2400,
    tokenSeconds: 12 * 3600,
    sessionSeconds: 3600,
    webIdentityToken:
      'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6Y2k6ZGVmYXVsdCJ9.c2ln',
    ssoToken: 'aoaAAAAAGc-emulated-sso-token',
    ssoTokenExpired: false,
    containerToken: 'emulated-container-token',
    imdsV1: false,
    locationPort: false,
    hostPort: true,
    wrongHostStatus: 403,
    badTokenBody: 'Bad Request\n',
    readsForwarded: false,
    http2: false,
    extraNames: [],
    openRange: '0-0',
    patchRange: 'first',
    minPartBytes: 5 * 1024 * 1024,
    blobMounting: false,
    onlyReferencedBlobs: false,
    downgradesIndex: false,
    deletes: false,
    pageSize: 100,
    bucketHost: 'prod-{region}-starport-layer-bucket.s3.{region}.amazonaws.com',
    presignedSeconds: 3600,
  }
}

/** Takes over settings by name; an unknown name or a value of another type is an error. */
export function applySettings(
  settings: Settings,
  changes: Readonly<Record<string, unknown>>,
): void {
  for (const [name, value] of Object.entries(changes)) {
    const current = settings[name as keyof Settings] as unknown
    if (current === undefined) throw new Error(`no setting is called ${name}`)
    if (kindOf(value) !== kindOf(current)) throw new Error(`${name} must be ${kindOf(current)}`)
  }
  Object.assign(settings, changes)
}

/** Reads `name=value` of a command line; a value that is not JSON is a text. */
export function parseSetting(text: string): Readonly<Record<string, unknown>> {
  const [name = '', ...rest] = text.split('=')
  const value = rest.join('=')
  try {
    return { [name]: JSON.parse(value) as unknown }
  } catch {
    return { [name]: value }
  }
}

const kindOf = (value: unknown) => (Array.isArray(value) ? 'a list' : typeof value)
