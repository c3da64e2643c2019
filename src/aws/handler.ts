/** How clients of the SDK reach AWS, and that they say nothing on the console. */

import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { Agent } from 'agent-base'
import type { Environment } from '../front/places.ts'

/** What every client of one task shares. The handler keeps connections until it is destroyed. */
export async function handlerFor(env: Environment) {
  const agent = await agentOf(env)
  const requestHandler = new NodeHttpHandler({
    connectionTimeout: 3000,
    ...(agent ? { httpAgent: agent, httpsAgent: agent } : {}),
  })
  return { requestHandler, logger: SILENT }
}

/** Rejects once a call is given up, whatever the SDK is waiting for. */
export function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => reject(Object.assign(new Error('deadline'), { name: 'AbortError' }))
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
}

// What speaks to proxies is loaded only where there may be one.
async function agentOf(env: Environment): Promise<Agent | undefined> {
  if (!Object.keys(env).some((name) => /^https?_proxy$/i.test(name))) return undefined
  const { proxyAgent } = await import('./agents.ts')
  return proxyAgent(env)
}

// The SDK warns on the console where it is given no logger.
const quiet = (): void => {}
const SILENT = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet }
