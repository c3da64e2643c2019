/** `cert HOST`: a certificate for a trial, or for good where there is no other authority. */

import {
  findAuthority,
  provideCertificate,
  type Provided,
  type Wish,
} from '../../certificates/folder.ts'
import { certificateFolder } from '../../certificates/places.ts'
import {
  addTrust,
  isTrusted,
  removeTrust,
  type Trust,
  type Truster,
  TRUSTERS,
  trustOf,
} from '../../certificates/trust.ts'
import { UserError } from '../../domain/errors.ts'
import { parseServerUrl } from '../../domain/server-url.ts'
import type { Environment } from '../../front/places.ts'
import { readGiven } from '../../io/certificate.ts'
import { findProgram, runProgram, withoutSecrets } from '../../io/programs.ts'
import { agrees } from '../agree.ts'
import { readArguments } from '../arguments.ts'
import type { World } from '../command.ts'
import { toJson } from '../text.ts'
import { certHelp } from './help.ts'
import { describe, trustCommands } from './report.ts'

export async function cert(args: readonly string[], world: World): Promise<number> {
  const { flags, operands } = readArguments(certHelp, args)
  const name = readName(operands)
  const { root = '/', dir = certificateFolder(world.env), yes = false } = flags
  if (flags.install && flags.uninstall) {
    throw new UserError('USAGE', 'cert: --install or --uninstall, not both')
  }
  const trusters = chosen(name, flags.for as readonly Truster[] | undefined, world.env)
  const trusts = trusters.map((truster) => trustOf(truster, name, root))
  if (flags.uninstall) {
    const authority = findAuthority(dir)
    if (authority === undefined) {
      throw new UserError(
        'CONFIG',
        `${dir}: no authority was founded there; name its folder with --dir`,
      )
    }
    return await change({ authority, trusts, root, dir, isRemoval: true }, yes, world)
  }
  const provided = await provideCertificate(wishOf(name, flags, { dir, now: world.now() }))
  const authority = readGiven(provided.caFile, 'in PEM')
  if (flags.json) world.stdout(toJson(summary(name, provided, { authority, trusts })))
  else world.stdout(describe(name, provided))
  if (flags.install) {
    return await change({ authority, trusts, root, dir, isRemoval: false }, yes, world)
  }
  if (!flags.json) world.stdout(trustCommands(provided, trusts, name))
  return 0
}

type CertFlags = { readonly zone?: readonly string[]; readonly renew?: boolean }

function wishOf(
  name: string,
  { zone, renew = false }: CertFlags,
  { dir, now }: { readonly dir: string; readonly now: number },
): Wish {
  const host = name.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
  return {
    folder: dir,
    title: host.replace(/^\*/, '_'),
    names: [host],
    zones: zone?.map((one) => one.toLowerCase()) ?? [host.replace(/^\*\./, '')],
    now,
    anew: renew,
  }
}

function readName(operands: readonly string[]): string {
  const [text = '', extra] = operands
  const asked = parseServerUrl(text.replace(/^\*\./, ''))
  if (!asked || extra !== undefined || text.includes('/')) {
    throw new UserError(
      'USAGE',
      `cert: expected one HOST or HOST:PORT, got ${JSON.stringify(operands.join(' '))}`,
    )
  }
  return text.toLowerCase()
}

const PROGRAMS: Readonly<Record<Truster, readonly string[]>> = {
  docker: ['docker', 'dockerd'],
  podman: ['podman', 'buildah', 'skopeo'],
  containerd: ['containerd', 'ctr', 'nerdctl'],
  system: [],
}

// Who is here, unless someone is named; engines have folders for whole names alone.
function chosen(
  name: string,
  named: readonly Truster[] | undefined,
  env: Environment,
): readonly Truster[] {
  const isWildcard = name.startsWith('*')
  const other = isWildcard && named?.find((truster) => truster !== 'system')
  if (other) throw new UserError('USAGE', `cert: ${other} trusts by whole names, not by ${name}`)
  if (named) return named
  return TRUSTERS.filter((truster) => {
    if (isWildcard) return truster === 'system'
    const programs = PROGRAMS[truster]
    return programs.length === 0 || programs.some((program) => findProgram(program, env))
  })
}

type Trusted = { readonly authority: string; readonly trusts: readonly Trust[] }

function summary(name: string, provided: Provided, { authority, trusts }: Trusted) {
  const trusted = trusts.map((trust) => ({
    by: trust.truster,
    file: trust.file,
    installed: isTrusted(trust, authority),
  }))
  return { name, ...provided, holdsUntil: new Date(provided.holdsUntil).toISOString(), trusted }
}

type Change = Trusted & {
  readonly root: string
  readonly dir: string
  readonly isRemoval: boolean
}

async function change(
  { authority, trusts, root, dir, isRemoval }: Change,
  isAgreed: boolean,
  world: World,
): Promise<number> {
  const pending = trusts.filter((trust) => isTrusted(trust, authority) === isRemoval)
  if (pending.length === 0) {
    world.stderr(isRemoval ? 'nobody here trusts it\n' : 'all of them trust it already\n')
    return 0
  }
  const verb = isRemoval ? 'remove' : 'write'
  world.stderr(pending.map(({ truster, file }) => `${verb} ${file} (${truster})\n`).join(''))
  if (!isAgreed && !(await agrees('Change these files?', world))) return 1
  for (const trust of pending) {
    try {
      if (isRemoval) removeTrust(trust, authority, dir)
      else addTrust(trust, authority, dir)
    } catch (error) {
      throw notWritable(trust, error)
    }
    await runAfter(trust, root, world)
  }
  world.stderr('done\n')
  return 0
}

// Only a running system has its own lists; an image makes them when it is built.
async function runAfter({ command }: Trust, root: string, { env, stderr }: World): Promise<void> {
  if (!command) return
  const [program, ...args] = command
  const path = root === '/' ? findProgram(program, env) : undefined
  const ended = path ? await runProgram(path, args, { env: withoutSecrets(env) }) : undefined
  if (ended?.exitCode !== 0) stderr(`run ${command.join(' ')} to have it take effect\n`)
}

function notWritable({ file }: Trust, error: unknown): UserError {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  return new UserError(
    'CONFIG',
    `${file}: can't be changed (${code}); run it as root, with --dir naming the folder of the authority`,
    { cause: error },
  )
}
