/** The import rule of ARCHITECTURE.md. */

import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'

const SRC = 'src'
const files = globSync('**/*.ts', { cwd: SRC }).map(String)

/** Folder of src to what it may import: folders of src, node: modules and packages. */
const ALLOWED: Readonly<Record<string, RegExp>> = {
  domain: /^domain$/,
  front: /^(front|domain\/server-url\.ts|node:(fs|child_process|process|path))$/,
  helper: /^(helper|front|domain)$/,
  io: /^(io|front|domain|node:.*|jsonc-parser|modern-tar|smol-toml)$/,
  tokens: /^(tokens|io|front|domain|node:(fs|timers\/promises))$/,
  aws: /^(aws|front|domain|node:.*|@aws-sdk\/.*|@smithy\/.*|agent-base|https?-proxy-agent)$/,
  certificates:
    /^(certificates|io|front|domain|node:(crypto|fs|net|path)|reflect-metadata|@peculiar\/(x509|asn1-x509|asn1-schema))$/,
  setup: /^(setup|certificates|io|front|domain|node:(crypto|fs|path|process)|diff|yaml|smol-toml)$/,
  doctor:
    /^(doctor|setup|certificates|tokens|aws|io|front|domain|node:(dns\/promises|events|fs|http|https|net|os|path|process|tls)|yaml)$/,
  // crypto for the passwords and certificates of its own clients.
  proxy: /^(proxy|domain|node:(crypto|http|https|net|tls|stream|stream\/(consumers|promises)))$/,
  images:
    /^(images|io|domain|node:(crypto|fs|fs\/promises|http|https|net|os|path|process|stream|stream\/(consumers|promises)|tls|worker_threads|zlib))$/,
  commands:
    /^(commands|doctor|images|setup|certificates|tokens|aws|proxy|io|helper|front|domain|package\.json|node:util|bcryptjs)$/,
  'main.ts': /.*/,
  'cli.ts': /^(front|io|node:module|main\.cjs)$/,
  'index.ts': /^(commands|images|domain)$/,
}
/** The programs' beginnings, where the world comes in. */
const BEGINNINGS = /^(main\.ts|cli\.ts|index\.ts|front\/program\.ts)$/
/** All but which processes there are, which is what a lock is about. */
const CLOCK_AND_PROCESS =
  /\b(process\.(?!kill|pid)|console\.|Date\.now\b|new Date\(\)|Math\.random\b)/

describe('the import rule', () => {
  it.each(files)('%s imports only what its folder may', (file) => {
    const rule = ALLOWED[ringOf(file)]
    const refused = importsOf(file).filter((target) => !rule?.test(target))
    expect(refused).toEqual([])
  })

  it.each(files.filter((file) => !BEGINNINGS.test(file)))(
    '%s takes clock, randomness and process from main.ts',
    (file) => {
      expect(withoutComments(file).match(CLOCK_AND_PROCESS)).toBeNull()
    },
  )

  it('is about every folder there is', () => {
    expect([...new Set(files.map(ringOf))].sort()).toEqual(Object.keys(ALLOWED).sort())
  })
})

function ringOf(file: string): string {
  return file.split('/')[0] ?? ''
}

function importsOf(file: string): string[] {
  const names = [...withoutComments(file).matchAll(/(?:\sfrom|(?<!')\bimport)\s*\(?\s*'([^']+)'/g)]
  return names.map(([, name = '']) => {
    if (!name.startsWith('.')) return name
    const target = relative(SRC, join(SRC, dirname(file), name))
    if (target.startsWith('..')) return target.slice(3)
    return ringOf(file) === 'front' && ringOf(target) === 'domain' ? target : ringOf(target)
  })
}

function withoutComments(file: string): string {
  const text = readFileSync(join(SRC, file), 'utf8')
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '')
}
