/** Lists: tags and repositories, paged with an absolute Link, as plain text that is JSON. */

import { send } from '../exchange.ts'
import { page } from '../pages.ts'
import { unsupported } from './manifests.ts'
import { REGISTRY_HEADERS, repositoryOf, type Visit } from './visit.ts'

const MOST = 1000

export async function listTags(visit: Visit): Promise<void> {
  const tags = await (await repositoryOf(visit)).tags()
  sendPage(visit, [...tags.keys()], (items) => ({ name: visit.name, tags: items }))
}

export async function listRepositories(visit: Visit): Promise<void> {
  const all = await visit.emulation.content.repositories(visit.registry)
  sendPage(
    visit,
    all.map(({ name }) => name),
    (items) => ({ repositories: items }),
  )
}

const sendPage = (
  visit: Visit,
  all: readonly string[],
  body: (items: readonly string[]) => object,
) => {
  const { url, response } = visit.exchange
  const count = url.searchParams.get('n')
  const size = count === null ? visit.emulation.settings.pageSize : Number(count)
  if (!(size <= MOST)) {
    throw unsupported("'maxResults'", `'Member must have value less than or equal to ${MOST}'`)
  }
  const { items, next } = page(all, (item) => item, size, url.searchParams.get('last'))
  const more = new URLSearchParams({ ...(next && { last: next }), ...(count && { n: count }) })
  const link = next && { Link: `<${visit.origin}${url.pathname}?${more.toString()}>; rel="next"` }
  const headers = { ...REGISTRY_HEADERS, 'Content-Type': 'text/plain; charset=utf-8', ...link }
  send(response, 200, headers, JSON.stringify(body(items)))
}
