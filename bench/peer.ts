/** The peer: amazon-ecr-credential-helper, the newest that can be had here. */

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'

export type Peer = { readonly program: string; readonly version: string }

const NAME = 'docker-credential-ecr-login'
const SOURCE = `github.com/awslabs/amazon-ecr-credential-helper/ecr-login/cli/${NAME}`
const PACKAGE = 'amazon-ecr-credential-helper'
/** Emptied by `npm ci`. */
const FOLDER = resolve('node_modules/.cache/ecr-cname-bench')

/** The newest from Go's proxy, else Debian's package, else what stands on PATH. */
export function fetchPeer(): Peer | undefined {
  mkdirSync(FOLDER, { recursive: true })
  return fromSource() ?? fromPackage() ?? fromPath()
}

// Linked as its authors do for a release: static, without symbols.
function fromSource(): Peer | undefined {
  const go = [...folders(), '/usr/local/go/bin']
    .map((folder) => join(folder, 'go'))
    .find(existsSync)
  if (!go) return undefined
  const program = join(FOLDER, NAME)
  const env = { ...process.env, GOBIN: FOLDER, CGO_ENABLED: '0' }
  // Without network, what was made before is as good.
  attempt(() =>
    execFileSync(go, ['install', '-ldflags=-s', `${SOURCE}@latest`], { env, stdio: 'pipe' }),
  )
  return attempt(() => {
    const facts = execFileSync(go, ['version', '-m', program], { encoding: 'utf8', stdio: 'pipe' })
    const [, version = ''] = /^\s*mod\s+\S+\s+v(\S+)/m.exec(facts) ?? []
    const [, compiler = ''] = /: go(\S+)/.exec(facts) ?? []
    return { program, version: `${version}, built with Go ${compiler}` }
  })
}

// Unpacked and not installed: that takes no root, and changes nothing here.
function fromPackage(): Peer | undefined {
  return attempt(() => {
    const options = { cwd: FOLDER, stdio: 'pipe', encoding: 'utf8' } as const
    for (const old of readdirSync(FOLDER)) if (old.endsWith('.deb')) rmSync(join(FOLDER, old))
    execFileSync('apt-get', ['download', '--quiet=2', PACKAGE], options)
    const [archive = ''] = readdirSync(FOLDER).filter((name) => name.endsWith('.deb'))
    execFileSync('dpkg-deb', ['--extract', archive, 'package'], options)
    const version = execFileSync('dpkg-deb', ['--field', archive, 'Version'], options).trim()
    return { program: join(FOLDER, 'package/usr/bin', NAME), version: `${version}, Debian's` }
  })
}

function fromPath(): Peer | undefined {
  const program = folders()
    .map((folder) => join(folder, NAME))
    .find(existsSync)
  return program === undefined ? undefined : { program, version: 'found on PATH' }
}

function folders(): readonly string[] {
  return (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)
}

function attempt<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}
