/** AWS STS: a form in, XML out. */

import { authorise, type Emulation } from '../emulation.ts'
import { type Exchange, Refusal, send, type Service } from '../exchange.ts'
import type { Session } from '../identities.ts'
import { type Api, authenticate, type Dialect, problem } from './signed.ts'

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/'
const TYPE = { 'Content-Type': 'text/xml' }
const REQUEST_ID = '<RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId>'

const DIALECT: Dialect = {
  missing: [403, 'MissingAuthenticationToken'],
  unknown: [403, 'InvalidClientTokenId'],
  mismatch: [403, 'SignatureDoesNotMatch'],
  expired: [403, 'ExpiredToken'],
  denied: [403, 'AccessDenied'],
  throttled: [400, 'Throttling'],
  invalid: [400, 'ValidationError'],
}

const STS: Api = { name: 'sts', dialect: DIALECT }

type Ask = {
  readonly emulation: Emulation
  readonly exchange: Exchange
  readonly form: URLSearchParams
}

const ACTIONS: Readonly<Record<string, (ask: Ask) => string>> = {
  GetCallerIdentity: getCallerIdentity,
  AssumeRole: assumeRole,
  AssumeRoleWithWebIdentity: assumeRoleWithWebIdentity,
}

export function stsService(emulation: Emulation): Service {
  return {
    name: 'sts',
    throttled: problem(DIALECT, 'throttled', 'Rate exceeded'),
    refuse({ response }, { status, code, message }) {
      const error = `<Error><Type>Sender</Type><Code>${code}</Code><Message>${escape(message)}</Message></Error>`
      const xml = `<ErrorResponse xmlns="${NAMESPACE}">${error}${REQUEST_ID}</ErrorResponse>`
      send(response, status, TYPE, xml)
    },
    answer: (exchange) => answer(emulation, exchange),
  }
}

const answer = (emulation: Emulation, exchange: Exchange) => {
  const { operation } = exchange.call
  const action = ACTIONS[operation]
  if (!action) throw new Refusal(400, 'InvalidAction', `Could not find operation ${operation}`)
  const result = action({
    emulation,
    exchange,
    form: new URLSearchParams(exchange.body.toString()),
  })
  const metadata = `<ResponseMetadata>${REQUEST_ID}</ResponseMetadata>`
  const xml = `<${operation}Response xmlns="${NAMESPACE}"><${operation}Result>${result}</${operation}Result>${metadata}</${operation}Response>`
  send(exchange.response, 200, TYPE, xml)
}

function getCallerIdentity({ emulation, exchange }: Ask): string {
  const { arn, id, account } = authenticate(emulation, exchange, STS).principal
  return `<Arn>${arn}</Arn><UserId>${id}</UserId><Account>${account}</Account>`
}

function assumeRole({ emulation, exchange, form }: Ask): string {
  const { principal } = authenticate(emulation, exchange, STS)
  const arn = form.get('RoleArn') ?? ''
  authorise(emulation, exchange, { action: 'sts:AssumeRole', resource: arn }, denied)
  const role = emulation.settings.roles[arn]
  // AWS does not tell a role that is not there from one that does not trust the caller.
  if (!role || (role.externalId ?? null) !== (role.externalId ? form.get('ExternalId') : null)) {
    throw denied(
      `User: ${principal.arn} is not authorized to perform: sts:AssumeRole on resource: ${arn}`,
    )
  }
  return toResult(emulation.identities.openSession(arn, sessionName(form), duration(form)))
}

function assumeRoleWithWebIdentity({ emulation, exchange, form }: Ask): string {
  const { settings, identities } = emulation
  const arn = form.get('RoleArn') ?? ''
  if (form.get('WebIdentityToken') !== settings.webIdentityToken) {
    const message = 'No OpenIDConnect provider found in your account for this token'
    throw new Refusal(400, 'InvalidIdentityToken', message)
  }
  if (!settings.roles[arn] || exchange.fault?.kind === 'deny') {
    throw problem(DIALECT, 'denied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity')
  }
  const session = identities.openSession(arn, sessionName(form), duration(form))
  exchange.call.principal = session.principal.arn
  return `${toResult(session)}<SubjectFromWebIdentityToken>system:serviceaccount:ci:default</SubjectFromWebIdentityToken>`
}

const denied = (message: string) => problem(DIALECT, 'denied', message)

const duration = (form: URLSearchParams) => {
  const text = form.get('DurationSeconds')
  if (text === null) return undefined
  const seconds = Number(text)
  if (seconds >= 900 && seconds <= 43_200) return seconds
  const message = `1 validation error detected: Value '${text}' at 'durationSeconds' failed to satisfy constraint`
  throw problem(DIALECT, 'invalid', message)
}

const sessionName = (form: URLSearchParams) => {
  const name = form.get('RoleSessionName') ?? ''
  if (/^[\w+=,.@-]{2,64}$/.test(name)) return name
  throw problem(DIALECT, 'invalid', `Value '${name}' at 'roleSessionName' is not valid`)
}

const toResult = ({ accessKeyId, secret, session, principal }: Session) =>
  `<Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secret}</SecretAccessKey><SessionToken>${session.token}</SessionToken><Expiration>${session.expiresAt.toISOString()}</Expiration></Credentials><AssumedRoleUser><Arn>${principal.arn}</Arn><AssumedRoleId>${principal.id}</AssumedRoleId></AssumedRoleUser>`

const escape = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
