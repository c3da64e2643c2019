import { expect, it } from 'vitest'
import { proxyAgent } from '../../src/aws/agents.ts'
import { readWhole } from '../../src/images/taker.ts'
import { startProxy } from '../support/proxy.ts'
import { REPOSITORY, startRegistry } from './registry.ts'

it('goes through a proxy once for all that is asked of a place in turn', async () => {
  const registry = await startRegistry()
  const { url, asked } = await startProxy()
  const client = registry.client({ agent: proxyAgent({ HTTPS_PROXY: url }) })
  for (let count = 0; count < 3; count++) {
    const answer = await client.ask({
      method: 'GET',
      repository: REPOSITORY,
      path: 'tags/list',
      expect: [200],
      where: REPOSITORY,
    })
    await readWhole(answer, 1000, REPOSITORY)
  }
  const { host, port } = registry.site.connect
  expect(asked).toEqual([`${host}:${port}`])
})
