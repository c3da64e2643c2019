/** Our own configuration: whether it can be read, and whether its fallback is there. */

import { existsSync } from 'node:fs'
import type { Config } from '../domain/config.ts'
import { UserError } from '../domain/errors.ts'
import { configFiles } from '../front/places.ts'
import { loadConfig } from '../io/config.ts'
import { findProgram } from '../io/programs.ts'
import { type Finding, findingsOf } from './finding.ts'
import { HELPER_PREFIX } from './program.ts'
import type { Scene } from './scene.ts'

const { ok, warning, broken } = findingsOf('configuration')

export function checkConfiguration(scene: Scene): Finding[] {
  try {
    return [...examine(loadConfig(scene.env), scene)]
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return [
      broken('broken', {
        what: error.message,
        why: 'as long as it can not be read, no name is served',
        fix: 'mend that place; config.schema.json tells editors what may stand there',
      }),
    ]
  }
}

function* examine(config: Config, { env, subjects }: Scene): Iterable<Finding> {
  const files = configFiles(env).filter((file) => existsSync(file))
  const from = [...files, ...(env['ECR_CNAME_MAP'] ? ['ECR_CNAME_MAP'] : [])]
  if (config.mappings.size === 0 && subjects.every(({ mapping }) => !mapping)) {
    yield warning('empty', {
      what: `no name is mapped (${from.join(', ') || configFiles(env).join(', ')})`,
      why: "only ECR's own names are served",
      fix: 'ecr-cname map add docker.company.com 123456789012.dkr.ecr.us-east-1.amazonaws.com',
    })
  } else yield ok(`names mapped: ${config.mappings.size} (${from.join(', ') || 'no file'})`)
  const { fallback } = config
  const program = fallback.kind === 'helper' ? `${HELPER_PREFIX}${fallback.name}` : undefined
  if (program !== undefined && !findProgram(program, env)) {
    yield broken('fallback-missing', {
      what: `"fallback" names ${program}, which is not on PATH`,
      why: 'logins to all other registries, such as Docker Hub, fail',
      fix: `install ${program}, or set "fallback" to "file" in ${files.at(-1) ?? 'the configuration'}`,
    })
  }
}
