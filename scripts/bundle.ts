/** The programs as CommonJS: dist/lib for npm, and the two parts of the packed one. */

import { build as esbuild, type BuildOptions, type Plugin } from 'esbuild'

/** What is only a step on the way. */
export const PARTS = 'dist/parts'

/** What the packed program loads for what the store does not answer: modules of src. */
const COMMANDS = {
  helper: 'commands/helper',
  images: 'commands/images/run',
  commands: 'commands/run',
} as const

/** The packed program: what answers from the store, and the parts that it loads for the rest. */
export const PACKED = `${PARTS}/packed.cjs`
export type Part = keyof typeof COMMANDS
export const LOADED = Object.keys(COMMANDS) as readonly Part[]

/** The bundle of a part. */
export function bundleOf(part: Part): string {
  return `${PARTS}/${part}.cjs`
}

const options: BuildOptions = {
  bundle: true,
  platform: 'node',
  external: ['./main.cjs'],
  target: 'node22.12',
  mainFields: ['module', 'main'],
  legalComments: 'external',
  logLevel: 'warning',
}

const commonJs: BuildOptions = {
  ...options,
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  minify: true,
  // A dynamic import of node:http reads every export and with them loads undici: 30 ms a mint.
  supported: { 'dynamic-import': false },
}

/** Bundles everything. */
export async function bundle(): Promise<void> {
  // Twice: only among modules does esbuild drop what nobody uses of a package that is loaded later.
  await esbuild({
    ...options,
    entryPoints: ['main', 'cli', 'index', ...Object.values(COMMANDS)].map(
      (name) => `src/${name}.ts`,
    ),
    outbase: 'src',
    outdir: PARTS,
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    splitting: true,
    plugins: [withoutZlib],
  })
  await esbuild({
    ...commonJs,
    entryPoints: ['main', 'cli', 'index'].map((name) => `${PARTS}/${name}.mjs`),
    outdir: 'dist/lib',
  })
  for (const part of LOADED) {
    const entryPoints = [`${PARTS}/${COMMANDS[part]}.mjs`]
    await esbuild({ ...commonJs, entryPoints, outfile: bundleOf(part) })
  }
  await esbuild({
    ...commonJs,
    entryPoints: ['src/main.ts'],
    outfile: PACKED,
    plugins: [commandsFromAssets],
  })
}

/** In the packed program the commands come out of the binary. */
const commandsFromAssets: Plugin = {
  name: 'commands-from-assets',
  setup(build) {
    for (const part of LOADED) {
      build.onResolve({ filter: new RegExp(`^\\./${COMMANDS[part]}\\.ts$`) }, () => ({
        path: new URL(`packed-${part}.ts`, import.meta.url).pathname,
      }))
    }
  },
}

// Of zlib the SDK takes a CRC-32 for event streams, which we have none of; it has its own, too. What
// compresses for CloudWatch, and what is ours, loads it with what needs it, and not for a mint.
const withoutZlib: Plugin = {
  name: 'without-zlib',
  setup(build) {
    build.onResolve({ filter: /^node:zlib$/ }, ({ importer }) =>
      importer.includes('node_modules') && !importer.includes('middleware-compression')
        ? { path: 'zlib', namespace: 'without' }
        : { path: 'node:zlib', external: true },
    )
    build.onLoad({ filter: /.*/, namespace: 'without' }, () => ({ contents: 'export {}' }))
  },
}
