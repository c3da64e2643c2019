import { defineConfig } from 'vitest/config'

const PROTOCOL = 'test/cli/**/*.test.ts'
/** What the protocol's tests start as the helper, see test/support/program.ts. */
const HELPERS = ['sources', 'full', 'front']

export default defineConfig({
  test: {
    globalSetup: 'test/support/isolate.ts',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'all', include: ['test/**/*.test.ts'], exclude: [PROTOCOL] } },
      ...HELPERS.map((name) => ({
        extends: true as const,
        test: { name, include: [PROTOCOL], env: { HELPER_UNDER_TEST: name } },
      })),
    ],
  },
})
