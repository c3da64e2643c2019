import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'

import { temporaryFolder } from '../support/folder.ts'
import { lackOf } from '../support/installed.ts'
import { needs } from '../support/needs.ts'
import { makeRelease, PROGRAM } from './release.ts'

const PLAYBOOK = 'deploy/ansible/playbook.yml'
const REGISTRIES = { 'docker.company.com': '123456789012.dkr.ecr.us-east-1.amazonaws.com' }
// Each step of a role is a Python of its own.
const SLOW = { timeout: 180_000 }

describe('the role for Ansible', () => {
  beforeEach((context) => {
    needs(context, lackOf('ansible-playbook', 'ansible-core'))
    needs(context, process.getuid?.() === 0 ? undefined : 'the role makes files of root')
  })

  it('installs and configures, and finds nothing to change the next time', SLOW, () => {
    const folder = temporaryFolder()
    const vars = { ...variablesIn(folder), ...archiveIn(folder) }

    expect(play(vars)).toMatch(/changed=[1-9]\d* .*failed=0/)
    expect(JSON.parse(readFileSync(join(folder, 'etc/config.json'), 'utf8'))).toEqual({
      registries: REGISTRIES,
    })
    expect(readFileSync(join(folder, 'bin/docker-credential-ecr-cname'), 'utf8')).toBe(PROGRAM)
    expect(readFileSync(join(folder, 'bin/docker.done'), 'utf8')).toBe('setup docker --yes\n')
    expect(play(vars)).toMatch(/changed=0 .*failed=0/)
  })

  it('installs nothing whose checksum is another', SLOW, () => {
    const folder = temporaryFolder()
    const vars = { ...variablesIn(folder), ...archiveIn(folder), ecr_cname_sha256: '0'.repeat(64) }

    expect(play(vars)).toContain('failed=1')
  })

  it('has a syntax that Ansible reads in all of its files', () => {
    const flags = ['--syntax-check', '--inventory', 'localhost,', PLAYBOOK]

    expect(spawnSync('ansible-playbook', flags).status).toBe(0)
  })
})

function variablesIn(folder: string) {
  return {
    ansible_become: false,
    ansible_python_interpreter: '/usr/bin/python3',
    ecr_cname_packages: [],
    ecr_cname_bin: join(folder, 'bin'),
    ecr_cname_etc: join(folder, 'etc'),
    ecr_cname_cache: join(folder, 'cache'),
    ecr_cname_config: { registries: REGISTRIES },
  }
}

function archiveIn(folder: string) {
  const { archive, sum } = makeRelease(folder)
  return { ecr_cname_archive: `file://${archive}`, ecr_cname_sha256: sum }
}

function play(vars: object): string {
  const flags = ['--inventory', 'localhost,', '--connection', 'local']
  const extra = ['--extra-vars', JSON.stringify(vars)]
  const env = { ...process.env, ANSIBLE_NOCOLOR: '1', ANSIBLE_LOCALHOST_WARNING: 'false' }
  return spawnSync('ansible-playbook', [...flags, ...extra, PLAYBOOK], { encoding: 'utf8', env })
    .stdout
}
