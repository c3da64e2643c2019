/** A browser without a window, that finds nobody but this machine. */

import { existsSync } from 'node:fs'
import { type BrowserContext, chromium } from 'playwright-core'
import { onTestFinished } from 'vitest'
import { temporaryFolder } from './folder.ts'

const PROGRAM = '/usr/bin/chromium'

/** Why there is no browser, if there is none. */
export function whyNoBrowser(): string | undefined {
  return existsSync(PROGRAM) ? undefined : `no ${PROGRAM}: install Debian's package chromium`
}

/** Starts Chromium with a profile of its own; it ends with the test. */
export async function openBrowser(): Promise<BrowserContext> {
  const browser = await chromium.launchPersistentContext(temporaryFolder(), {
    executablePath: PROGRAM,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  })
  onTestFinished(() => browser.close())
  return browser
}
