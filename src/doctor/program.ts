/** Whether clients find the helper under its name, and whether it runs. */

import { chmodSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Environment } from '../front/places.ts'
import { findProgram, runProgram, withoutSecrets } from '../io/programs.ts'
import { type Finding, findingsOf } from './finding.ts'
import { PATIENCE_MS, type Scene } from './scene.ts'

/** What Docker and its like put before a helper's name. */
export const HELPER_PREFIX = 'docker-credential-'
/** The program that they start for us. */
export const HELPER = `${HELPER_PREFIX}ecr-cname`

const { ok, warning, broken } = findingsOf('program')

export async function checkProgram(scene: Scene): Promise<Finding[]> {
  const path = findProgram(HELPER, scene.env)
  return path === undefined ? [absent(scene)] : [await running(path, scene)]
}

function absent({ env, self }: Scene): Finding {
  const file = fileOnPath(HELPER, env)
  if (file !== undefined) {
    return broken('not-executable', {
      what: `${file} is there, but may not be executed`,
      why: 'docker and its like skip it, and go on without credentials',
      fix: {
        command: `chmod a+x ${file}`,
        mend: () => chmodSync(file, (statSync(file).mode & 0o7777) | 0o111),
      },
    })
  }
  const [own = '', ...args] = self
  return broken('missing', {
    what: `${HELPER} is not on PATH (${env['PATH'] ?? 'which is not set'})`,
    why: 'clients look for it there under that very name, and find no credentials',
    fix:
      args.length === 0
        ? `sudo ln -s ${own} /usr/local/bin/${HELPER}`
        : 'npm install --global ecr-cname',
  })
}

async function running(path: string, { env, version }: Scene): Promise<Finding> {
  const ended = await runProgram(path, ['version'], {
    env: withoutSecrets(env),
    signal: AbortSignal.timeout(PATIENCE_MS),
  })
  const said = `${ended?.stdout ?? ''}${ended?.stderr ?? ''}`
  if (said.includes('the full program')) {
    return broken('incomplete', {
      what: `${path} stands alone: ecr-cname is neither beside it nor on PATH`,
      why: 'it answers only what the store holds, and hands all else, such as every new token, to ecr-cname',
      fix: `put ecr-cname beside ${path}, or on PATH`,
    })
  }
  if (ended?.exitCode !== 0) {
    return broken('failing', {
      what: `${path} does not run`,
      why: 'clients start it for every pull and find no credentials',
      fix: 'install ecr-cname again, for this platform',
    })
  }
  if (!said.includes(version)) {
    return warning('other-version', {
      what: `${path} is another version (${said.trim().slice(0, 80)}) than this program (${version})`,
      why: 'what is found here may not hold for what clients start',
      fix: `remove the one that is not wanted; which one is found first: command -v ${HELPER}`,
    })
  }
  return ok(`${path}, version ${version}`)
}

function fileOnPath(name: string, env: Environment): string | undefined {
  const folders = (env['PATH'] ?? '').split(delimiter).filter(Boolean)
  return folders
    .map((folder) => join(folder, name))
    .find((file) => statSync(file, { throwIfNoEntry: false })?.isFile())
}
