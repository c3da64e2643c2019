/** The SSO portal: a role's credentials for who holds the token of a login. */

import type { Emulation } from '../emulation.ts'
import { type Exchange, Refusal, send, type Service } from '../exchange.ts'

export function ssoService(emulation: Emulation): Service {
  return {
    name: 'sso',
    throttled: new Refusal(429, 'TooManyRequestsException', 'Rate exceeded'),
    refuse({ response }, { status, code, message }) {
      const headers = { 'Content-Type': 'application/json', 'x-amzn-ErrorType': code }
      send(response, status, headers, JSON.stringify({ message, __type: code }))
    },
    answer: (exchange) => answer(emulation, exchange),
  }
}

const answer = ({ settings, account, identities }: Emulation, exchange: Exchange) => {
  const { request, response, url, call, fault } = exchange
  const token = request.headers['x-amz-sso_bearer_token']
  if (token !== settings.ssoToken || settings.ssoTokenExpired) {
    throw new Refusal(401, 'UnauthorizedException', 'Session token not found or invalid')
  }
  const owner = url.searchParams.get('account_id') ?? account
  const role = `arn:aws:iam::${owner}:role/${url.searchParams.get('role_name') ?? ''}`
  if (!settings.roles[role] || fault?.kind === 'deny') {
    throw new Refusal(403, 'ForbiddenException', 'No access')
  }
  const { accessKeyId, secret, session, principal } = identities.openSession(role, 'developer')
  call.principal = principal.arn
  const roleCredentials = {
    accessKeyId,
    secretAccessKey: secret,
    sessionToken: session.token,
    expiration: session.expiresAt.getTime(),
  }
  send(response, 200, { 'Content-Type': 'application/json' }, JSON.stringify({ roleCredentials }))
}
