import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'

import { suiteFolder } from '../support/folder.ts'
import { lackOf } from '../support/installed.ts'
import { needs } from '../support/needs.ts'
import { filesOf, readText } from './files.ts'

const root = suiteFolder()
const UNITS = 'etc/systemd/system'
/** What units of ours refer to; systemd's own. */
const TARGETS = ['basic', 'multi-user', 'network-online', 'nss-lookup', 'shutdown', 'sysinit']
const TIMER_TARGETS = ['timers', 'time-sync', 'time-set']
const PROGRAMS = ['usr/local/bin/ecr-cname', 'bin/kill']
/** As systemd-analyze counts what a service is exposed to: from 0 to 10. */
const MOST_EXPOSURE = 2

const services = filesOf('systemd/*.service')

beforeEach((context) => needs(context, lackOf('systemd-analyze', 'systemd')))

describe('the units of systemd', () => {
  it('are as systemd wants them, with all that they name', () => {
    layOutSystem()

    const units = ['ecr-cname.service', 'ecr-cname-dockercfg.service']
    const ofTemplates = ['ecr-cname-cert@docker.company.com.timer']
    expect(verify([...units, ...ofTemplates])).toEqual({ status: 0, output: '' })
  })

  it('would be found out if they were not', () => {
    layOutSystem()
    const unit = join(root, UNITS, 'ecr-cname.service')
    writeFileSync(unit, readFileSync(unit, 'utf8').replace('RestartSec=', 'RestartSeconds='))

    expect(verify(['ecr-cname.service']).output).toContain("Unknown key 'RestartSeconds'")
  })

  it.each(services)('%s is exposed to little', (file) => {
    const said = run('systemd-analyze', ['security', '--offline=true', '--no-pager', file])
    const exposure = Number(/exposure level for \S+: ([\d.]+)/.exec(said.output)?.[1])

    expect(exposure).toBeLessThanOrEqual(MOST_EXPOSURE)
  })

  it.each(services)('%s runs as the user that sysusers makes', (file) => {
    layOutSystem()
    run('systemd-sysusers', [`--root=${root}`])
    const [, user = ''] = /^User=(.+)$/m.exec(readText(file)) ?? []

    expect(readFileSync(join(root, 'etc/passwd'), 'utf8')).toMatch(new RegExp(`^${user}:`, 'm'))
  })

  it('have longer to stop than requests have to finish', () => {
    const seconds = Number(
      /TimeoutStopSec=(\d+)/.exec(readText('deploy/systemd/ecr-cname.service'))?.[1],
    )
    const drain = Number(
      /\((\d+)\)/.exec(readText('src/commands/serve/help.ts').split("'drain'")[1] ?? '')?.[1],
    )

    expect(seconds).toBeGreaterThan(drain)
  })
})

function layOutSystem(): void {
  const put = (from: string, to: string) => cpSync(from, join(root, to, basename(from)))
  filesOf('systemd/*.{service,timer}').forEach((file) => put(file, UNITS))
  const users = filesOf('systemd/*.sysusers.conf')
  users.forEach((file) => put(file, 'usr/lib/sysusers.d'))
  for (const target of [...TARGETS, ...TIMER_TARGETS]) {
    put(`/lib/systemd/system/${target}.target`, 'usr/lib/systemd/system')
  }
  for (const program of PROGRAMS) {
    mkdirSync(dirname(join(root, program)), { recursive: true })
    writeFileSync(join(root, program), '')
    chmodSync(join(root, program), 0o755)
  }
}

function verify(units: readonly string[]) {
  return run('systemd-analyze', ['verify', '--man=no', `--root=${root}`, ...units])
}

function run(program: string, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  return { status, output: stdout + stderr }
}
