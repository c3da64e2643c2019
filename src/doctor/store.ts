/** The folder of tokens and logins: whether it can be used, and by its owner alone. */

import { accessSync, chmodSync, constants, readdirSync, statSync, type Stats } from 'node:fs'
import { platform } from 'node:os'
import { dirname, join } from 'node:path'
import { getuid } from 'node:process'
import { storeFolder } from '../front/places.ts'
import { type Finding, findingsOf } from './finding.ts'
import type { Scene } from './scene.ts'

const { ok, warning, broken } = findingsOf('store')

export function checkStore({ env }: Scene): Finding[] {
  const folder = storeFolder(env)
  const found = [...examine(folder)]
  if (env['ECR_CNAME_CACHE'] === 'off') {
    found.push(
      warning('off', {
        what: 'ECR_CNAME_CACHE=off: no token is kept',
        why: 'every pull asks AWS anew, which takes time and is throttled',
        fix: 'unset ECR_CNAME_CACHE',
      }),
    )
  }
  return found.length > 0 ? found : [ok(`${folder}, for its owner alone`)]
}

function* examine(folder: string): Iterable<Finding> {
  const obstacle = obstacleTo(folder)
  if (obstacle !== undefined) {
    yield warning('unusable', {
      what: `${folder} can't be written (${obstacle})`,
      why: 'no login can be kept, and every pull asks AWS for a token anew',
      fix: 'free or open that folder, or set ECR_CNAME_HOME to another',
    })
    return
  }
  const entries = entriesOf(folder)
  if (platform() !== 'win32') {
    yield* openOnes(entries, folder)
    yield* foreignOnes(entries, folder)
  }
  const strange = entries.filter(({ path, facts }) => isStrange(path.slice(folder.length), facts))
  if (strange.length > 0) {
    yield warning('strange', {
      what: `${folder} holds ${strange.length} that are not ours, such as ${strange[0]?.path}`,
      why: 'they are never cleared away, and each token that is kept looks through them',
      fix: `move them elsewhere, or set ECR_CNAME_HOME to a folder for the store alone`,
    })
  }
}

type Entry = { readonly path: string; readonly facts: Stats }

function* openOnes(entries: readonly Entry[], folder: string): Iterable<Finding> {
  const open = entries.filter(({ facts }) => (facts.mode & 0o077) !== 0)
  const [first] = open
  if (!first) return
  yield broken('open', {
    what: `${first.path} is open to other users${open.length > 1 ? `, and ${open.length - 1} more` : ''}`,
    why: 'whoever reads a token or login there may pull, and push, in your name',
    fix: {
      command: `chmod -R go= ${folder}`,
      mend: () => open.forEach(({ path, facts }) => chmodSync(path, facts.mode & 0o700)),
    },
  })
}

function* foreignOnes(entries: readonly Entry[], folder: string): Iterable<Finding> {
  const own = getuid?.()
  const foreign = entries.find(({ facts }) => own !== undefined && facts.uid !== own)
  if (!foreign) return
  yield warning('foreign', {
    what: `${foreign.path} belongs to another user (uid ${foreign.facts.uid})`,
    why: 'as after a run with sudo: what is kept there can be neither read nor renewed',
    fix: `sudo chown -R ${own} ${folder}`,
  })
}

/** The folder, its own folders, and what is in them; folders of later versions are not entered. */
function entriesOf(folder: string): readonly Entry[] {
  const paths = list(folder).flatMap((name) => {
    const path = join(folder, name)
    return OWN.includes(name) ? [path, ...list(path).map((inner) => join(path, inner))] : [path]
  })
  return [folder, ...paths].flatMap((path) => {
    const facts = statSync(path, { throwIfNoEntry: false })
    return facts ? [{ path, facts }] : []
  })
}

const OWN = ['tokens', 'logins']

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

// In the folder itself stand folders; in those for tokens and logins JSON, with locks and drafts.
function isStrange(path: string, facts: Stats): boolean {
  const [, own = '', inner] = path.split('/')
  if (inner !== undefined) return facts.isDirectory() || !inner.includes('.json')
  return own !== '' && !facts.isDirectory()
}

/** Why nothing can be written there; the folder may not be there yet. */
function obstacleTo(folder: string): string | undefined {
  const facts = statSync(folder, { throwIfNoEntry: false })
  if (!facts) return dirname(folder) === folder ? 'ENOENT' : obstacleTo(dirname(folder))
  if (!facts.isDirectory()) return 'ENOTDIR'
  try {
    accessSync(folder, constants.W_OK)
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  }
}
