/** Platforms: operating system, architecture and variant, and the choice of one out of an index. */

import { arch } from 'node:os'
import { UserError } from '../domain/errors.ts'

export type Platform = {
  readonly os: string
  readonly architecture: string
  readonly variant?: string
}

/** Reads `os/arch` or `os/arch/variant`, also by the other names that engines know. */
export function parsePlatform(text: string): Platform {
  const parts = /^([a-z0-9]+)\/([a-z0-9_-]+)(?:\/(\w+))?$/.exec(text.toLowerCase())
  const [, os, architecture, variant] = parts ?? []
  if (!os || !architecture) {
    throw new UserError('USAGE', `--platform: expected linux/amd64 or the like, got "${text}"`)
  }
  return normalised({ os, architecture, ...(variant && { variant }) })
}

/** The same platform as the specification of images writes it. */
function normalised({ os, architecture, variant }: Platform): Platform {
  const same = ALIASES[architecture] ?? { architecture }
  const level = same.variant ?? variant?.replace(/^(?=\d)/, 'v')
  return {
    os: os === 'macos' ? 'darwin' : os,
    architecture: same.architecture,
    ...(level !== undefined && { variant: level }),
  }
}

// https://github.com/containerd/platforms, database.go
const ALIASES: Readonly<Record<string, Omit<Platform, 'os'>>> = {
  i386: { architecture: '386' },
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
}

/** What engines on this machine run; on all systems they run Linux's images. */
export function ownPlatform(): Platform {
  const architecture = ARCHITECTURES[arch()] ?? arch()
  return { os: 'linux', architecture }
}

// Node's names, where Go has others.
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' }

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter(Boolean).join('/')
}

/** Whether an image for one platform is what was asked for. */
export function suits(wanted: Platform, told: Platform): boolean {
  const found = normalised(told)
  return (
    wanted.os === found.os &&
    wanted.architecture === found.architecture &&
    (wanted.variant === undefined || wanted.variant === variantOf(found))
  )
}

/** Refuses an image whose configuration says that it is for another platform. */
export function requirePlatform(configuration: Buffer, wanted: Platform, where: string): void {
  const found = platformIn(configuration)
  if (!found || suits(wanted, found)) return
  const [is, not] = [formatPlatform(found), formatPlatform(wanted)]
  throw new UserError('IMAGE', `${where}: it is for ${is} alone, not ${not}`)
}

// That of an artifact is of a form of its own.
function platformIn(configuration: Buffer): Platform | undefined {
  try {
    const { os, architecture, variant } = JSON.parse(configuration.toString('utf8')) as Platform
    return os && architecture ? { os, architecture, ...(variant && { variant }) } : undefined
  } catch {
    return undefined
  }
}

/**
 * The one of an index for a platform; where no variant is told, the one that all processors of the
 * architecture run, else the first. A UserError names those that there are.
 */
export function choosePlatform<D extends { readonly platform?: Platform }>(
  manifests: readonly D[],
  wanted: Platform,
  where: string,
): D {
  const fitting = manifests.filter(({ platform }) => platform && suits(wanted, platform))
  const [found = fitting[0]] = fitting.filter(({ platform }) => platform && isPlain(platform))
  if (found) return found
  const there = manifests.flatMap(({ platform }) =>
    platform && platform.os !== 'unknown' ? formatPlatform(platform) : [],
  )
  const list = [...new Set(there)].join(', ')
  const choice = list === '' ? 'the index tells no other' : `choose with --platform: ${list}`
  throw new UserError(
    'IMAGE',
    `${where}: there is no image for ${formatPlatform(wanted)}; ${choice}`,
  )
}

// https://github.com/containerd/platforms: what a variant is where none is told.
const VARIANTS: Readonly<Record<string, string>> = { amd64: 'v1', arm64: 'v8', arm: 'v7' }

function variantOf({ architecture, variant }: Platform): string | undefined {
  return variant ?? VARIANTS[architecture]
}

function isPlain({ architecture, variant }: Platform): boolean {
  return variant === undefined || variant === VARIANTS[architecture]
}
