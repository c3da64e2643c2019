/** The page's one script: it takes the page anew, and keeps what is open, focused or selected. */

const EVERY_MS = 10_000

export const SCRIPT = `
const live = document.getElementById('live')
const stale = document.getElementById('stale')
live.parentElement.hidden = false
const refresh = async () => {
  if (!live.checked || document.hidden || !getSelection().isCollapsed) return
  try {
    const answer = await fetch(location.href, { cache: 'no-store' })
    if (!answer.ok) throw new Error(String(answer.status))
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html')
    const open = [...document.querySelectorAll('details[open]')].map(({ id }) => id)
    const focused = document.activeElement?.id
    for (const part of ['title', 'link[rel=icon]', 'main']) {
      document.querySelector(part).replaceWith(next.querySelector(part))
    }
    for (const id of open) document.getElementById(id)?.setAttribute('open', '')
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true })
    stale.hidden = true
  } catch {
    stale.hidden = false
  }
}
setInterval(refresh, ${EVERY_MS})
document.addEventListener('visibilitychange', refresh)
`
