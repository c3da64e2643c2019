import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Emulator } from '../emulator/emulator.ts'
import { createSend, pushImage } from '../emulator/registry-client.ts'
import { openBrowser, whyNoBrowser } from '../support/browser.ts'
import { temporaryFolder } from '../support/folder.ts'
import { needs } from '../support/needs.ts'
import { startTrustedEmulator } from '../support/trust.ts'
import { ask, eventOf, NAME, startServing } from './running.ts'

const EVIL_PATH = '/v2/<script>alert(1)</script>/manifests/1'
const EVIL_HOST = '<img src=x onerror=alert(1)>.test'

let emulator: Emulator
let certificate: readonly string[]
beforeAll(async () => {
  emulator = await startTrustedEmulator()
  const { certFile, keyFile } = emulator.certificate([NAME])
  certificate = ['--tls-cert', certFile, '--tls-key', keyFile, '--auth', 'inject']
})
afterAll(async () => {
  await emulator.close()
})

const basic = (name: string) => ({ authorization: `Basic ${btoa(`${name}:secret`)}` })

/** A sidecar with two clients, of whom one may pull and push. */
async function startWithClients() {
  const env = { ...emulator.env('keys'), HOME: temporaryFolder() }
  Object.entries(env).forEach(([name, value]) => vi.stubEnv(name, value))
  onTestFinished(() => void vi.unstubAllEnvs())
  const clients = join(temporaryFolder(), 'htpasswd')
  writeFileSync(clients, `alice:${hashSync('secret', 4)}\nbob:${hashSync('secret', 4)}\n`)
  const { host, port } = emulator.registry
  const registries = { [NAME]: { registry: host, connect: `127.0.0.1:${port}` } }
  const proxy = { allow: { alice: ['team/*:pull,push'], bob: ['base/*:pull'] } }
  const args = [...certificate, '--clients', clients]
  const running = await startServing(emulator, args, { env, config: { registries, proxy } })
  const { admin } = await eventOf(running, 'listening')
  return { ...running, url: `${String(admin)}/` }
}

/** A push, two pulls, what is refused to others, and what only an attacker would ask for. */
async function keepBusy(port: number) {
  const send = createSend(emulator)
  const alice = basic('alice')
  const image = { tag: 'v1.2', layer: Buffer.from('a layer') }
  const repository = `https://${NAME}:${port}/v2/team/app`
  const { digest } = await pushImage(send, alice.authorization, repository, image)
  const manifests = '/v2/team/app/manifests'
  for (const reference of ['v1.2', digest]) {
    expect((await ask(port, `${manifests}/${reference}`, { headers: alice })).status).toBe(200)
  }
  await ask(port, '/v2/')
  await ask(port, `${manifests}/v1.2`, { headers: basic('bob') })
  await ask(port, EVIL_PATH, { headers: alice })
  await ask(port, '/v2/', { headers: { host: EVIL_HOST } })
  return digest
}

/** A page, and whatever it did that it should not. */
async function openPage(url: string) {
  const browser = await openBrowser()
  const page = await browser.newPage()
  const faults: string[] = []
  page.on('console', (message) => faults.push(`console: ${message.text()}`))
  page.on('pageerror', ({ message }) => faults.push(`error: ${message}`))
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  browser.on('request', (asking) => {
    const asked = asking.url()
    if (asked !== url && !asked.startsWith('data:')) faults.push(`request: ${asked}`)
  })
  await page.clock.install()
  await page.goto(url)
  return { page, faults }
}

/** What is wider than the window. */
const OVERFLOW = `document.scrollingElement.scrollWidth - innerWidth`

/** Texts that are hard to read: under 4.5:1 on what is behind them (WCAG 2.2, 1.4.3). */
const FAINT = `(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number)
  const luminance = (colour) => {
    const [red, green, blue] = channels(colour).map((value) => {
      const part = value / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const groundOf = (element) => {
    const { backgroundColor } = getComputedStyle(element)
    const [, , , alpha = 1] = channels(backgroundColor)
    return alpha === 1 ? backgroundColor : groundOf(element.parentElement)
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const faint = []
  let seen = 0
  while (texts.nextNode()) {
    const { parentElement: element, data } = texts.currentNode
    if (data.trim() === '' || !element.checkVisibility()) continue
    seen += 1
    const pair = [getComputedStyle(element).color, groundOf(element)].map(luminance)
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)
    if (ratio < 4.5) faint.push(data + ': ' + ratio.toFixed(2))
  }
  return { seen, faint }
})()`

async function expectReadable(page: Page) {
  expect(await page.evaluate(OVERFLOW)).toBeLessThanOrEqual(0)
  const { seen, faint } = (await page.evaluate(FAINT)) as { seen: number; faint: string[] }
  expect(seen).toBeGreaterThan(30)
  expect(faint).toEqual([])
}

describe('the status page of ecr-cname serve', () => {
  it('shows what is served and what came of it, wide and narrow, light, dark and read out', async (context) => {
    needs(context, whyNoBrowser())
    const { port, url } = await startWithClients()
    const digest = await keepBusy(port)
    const { page, faults } = await openPage(url)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      for (const width of [1280, 390, 360]) {
        await page.setViewportSize({ width, height: 800 })
        await expectReadable(page)
      }
    }
    const text = (await page.innerText('main')).replaceAll(/\s+/g, ' ')
    expect(text).toContain('All is well Serving 1 name for')
    expect(text).toContain(`${NAME} to ${emulator.registry.host} OK`)
    expect(text).toMatch(/Certificate expires in 39\d days/)
    expect(text).toMatch(/Token expires in 1[12] h/)
    expect(text).toMatch(/Registry answered (just now|\d+ s ago)/)
    expect(text).toContain('Errors 0')
    const served = `${NAME}:${port} · alice`
    expect(text).toMatch(/Latest pulls Image When team/)
    expect(text).toContain(`team/app@${digest.slice(0, 19)}… ${served}`)
    expect(text).toContain(`team/app:v1.2 ${served}`)
    expect(text).toMatch(/Latest pushes Image When team\/app:v1\.2/)
    expect(text).toContain(
      `bob may not pull team/app: no rule of the sidecar's allows it 403 · GET team/app:v1.2 · ${NAME}:${port} · bob`,
    )
    expect(text).toContain(EVIL_PATH)
    expect(text).toContain(EVIL_HOST)
    expect(text).toContain('1 request named a host that is not served here')
    expect(text).not.toContain('log in first')
    const tree = await page.locator('main').ariaSnapshot()
    expect(tree).toMatch(/heading "All is well" \[level=1\]/)
    expect(tree).toMatch(/img "Requests in the last hour: \d+, /)
    expect(tree).toMatch(/table "Latest pulls"/)
    expect(tree).toMatch(/columnheader "Reason"/)
    expect(await page.locator('main :is(script, img)').count()).toBe(0)
    expect(faults).toEqual([])
  })

  it('takes itself anew, keeps what is unfolded, and says when the sidecar is gone', async (context) => {
    needs(context, whyNoBrowser())
    const { port, url, stop, exitCode } = await startWithClients()
    for (let number = 1; number <= 12; number += 1) {
      await ask(port, `/v2/other/app/manifests/v${number}`, { headers: basic('bob') })
    }
    const { page, faults } = await openPage(url)
    await page.getByText('4 more').click()
    await keepBusy(port)
    expect(await page.innerText('main')).toContain('No image has been pulled yet.')
    await page.clock.fastForward(10_000)
    await page.getByText('team/app:v1.2').first().waitFor()
    expect(await page.innerText('details[open]')).toContain('other/app:v1')
    expect(faults).toEqual([])
    stop()
    await exitCode
    await page.clock.fastForward(10_000)
    await page.getByText('The sidecar does not answer').waitFor()
    expect(await page.innerText('main')).toContain('team/app:v1.2')
  })

  it('tells what is wrong before all else', async (context) => {
    needs(context, whyNoBrowser())
    const { port, url } = await startWithClients()
    await ask(port, '/v2/', { headers: basic('alice') })
    await emulator.suspend('registry')
    onTestFinished(() => emulator.resume('registry'))
    await ask(port, '/v2/team/app/tags/list', { headers: basic('alice') })
    const { page, faults } = await openPage(url)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width: 360, height: 800 })
      await expectReadable(page)
    }
    expect(await page.title()).toMatch(/^1 problem, 1 warning ·/)
    const concerns = await page.locator('.concerns li').allInnerTexts()
    expect(concerns[0]).toMatch(
      /^Problem: docker\.company\.test: .* could not be reached .*: ECONNREFUSED$/,
    )
    expect(concerns[1]).toMatch(/^Warning: .* requests failed in the last 5 minutes$/)
    expect(faults).toEqual([])
  })
})
