/** All AWS APIs behind one address, told apart by what a request says of itself. */

import type { IncomingMessage } from 'node:http'

import type { Emulation } from '../emulation.ts'
import { readBody, type Target } from '../exchange.ts'
import { CLOUDWATCH_ACTIONS } from './cloudwatch.ts'
import { ECR_ACTIONS } from './ecr.ts'
import { ECR_PUBLIC_ACTIONS } from './ecr-public.ts'
import { jsonService } from './json.ts'
import { ssoService } from './sso.ts'
import { stsService } from './sts.ts'

const ECR = 'AmazonEC2ContainerRegistry_V20150921.'
const SSO_PATH = '/federation/credentials'
const CLOUDWATCH = 'GraniteServiceVersion20100801.'
const ECR_PUBLIC = 'SpencerFrontendService.'

/** Finds the service and the operation of a request, for which its body is read. */
export function identifyApi(
  emulation: Emulation,
): (request: IncomingMessage, url: URL) => Promise<Target> {
  const ecr = jsonService(emulation, 'ecr', ECR_ACTIONS)
  const ecrPublic = jsonService(emulation, 'ecr-public', ECR_PUBLIC_ACTIONS)
  const cloudwatch = jsonService(emulation, 'cloudwatch', CLOUDWATCH_ACTIONS, 'monitoring')
  const sts = stsService(emulation)
  const sso = ssoService(emulation)
  return async (request, url) => {
    const body = await readBody(request)
    const target = String(request.headers['x-amz-target'] ?? '')
    const operation = target.split('.')[1] ?? ''
    if (target.startsWith(ECR)) return { service: ecr, operation, body }
    if (target.startsWith(ECR_PUBLIC)) return { service: ecrPublic, operation, body }
    if (target.startsWith(CLOUDWATCH)) return { service: cloudwatch, operation, body }
    if (url.pathname === SSO_PATH) return { service: sso, operation: 'GetRoleCredentials', body }
    const action = new URLSearchParams(body.toString()).get('Action')
    return { service: sts, operation: action ?? 'Unknown', body }
  }
}
