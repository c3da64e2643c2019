/** containerd's configuration: whether the folder of hosts is read, and what it says of our names. */

import { existsSync } from 'node:fs'
import { UserError } from '../domain/errors.ts'
import { readPlain } from '../io/plain-file.ts'
import { parseToml, valueAt } from '../setup/toml.ts'
import { type Finding, findingsOf } from './finding.ts'
import { at, type Mapped, type Scene } from './scene.ts'

const HOSTS = '/etc/containerd/certs.d'
const { skipped, broken } = findingsOf('containerd')

export function checkContainerd(scene: Scene, mapped: readonly Mapped[]): Finding[] {
  const main = at(scene, '/etc/containerd/config.toml')
  const config = read(main)
  if (config instanceof UserError) {
    return [
      broken('broken', {
        what: config.message,
        why: 'containerd does not start with it, or starts without the CRI',
        fix: `mend ${main}; see it as containerd does: containerd config dump`,
      }),
    ]
  }
  const findings = mapped.flatMap((subject) => ofHost(subject, { config, main, scene }))
  return findings.length > 0 ? findings : [skipped(`no hosts.toml of our names in ${HOSTS}`)]
}

type Toml = Readonly<Record<string, unknown>>
type About = { readonly config: Toml; readonly main: string; readonly scene: Scene }

function ofHost({ host, mapping }: Mapped, { config, main, scene }: About): Finding[] {
  const about = findingsOf('containerd', host)
  const file = hostsFile(host, scene)
  if (!existsSync(file)) return []
  const hosts = read(file)
  const command = `sudo ecr-cname setup containerd ${host}`
  if (hosts instanceof UserError) {
    return [
      about.broken('hosts-broken', {
        what: hosts.message,
        why: 'containerd pulls nothing of that name',
        fix: `mend ${file}, or remove it and run: ${command}`,
      }),
    ]
  }
  if (!readsHosts(config)) {
    return [
      about.broken('hosts-unread', {
        what: `${file} is there, but config_path in ${main} does not name ${HOSTS}`,
        why: 'kubelet and nerdctl pull as if that file were not there',
        fix: `${command} && sudo systemctl restart containerd`,
      }),
    ]
  }
  if (!leadsTo(hosts, mapping.registry.host)) {
    return [
      about.warning('hosts-elsewhere', {
        what: `${file} does not lead to ${mapping.registry.host}`,
        why: 'containerd asks the name itself, or another registry than the one that is mapped',
        fix: command,
      }),
    ]
  }
  return [about.ok(`${file} leads to ${mapping.registry.host}`)]
}

/** Whether containerd pulls a name from the registry itself. */
export function leadsContainerd(host: string, registry: string, scene: Scene): boolean {
  const file = hostsFile(host, scene)
  const hosts = existsSync(file) ? read(file) : {}
  return !(hosts instanceof UserError) && leadsTo(hosts, registry)
}

function hostsFile(host: string, scene: Scene): string {
  return at(scene, `${HOSTS}/${host}/hosts.toml`)
}

function leadsTo(hosts: Toml, registry: string): boolean {
  const table = hosts['host']
  const names = typeof table === 'object' && table !== null ? Object.keys(table) : []
  return names.some((url) => URL.canParse(url) && new URL(url).hostname === registry)
}

// Version 3 of the configuration reads the folder unless it names another.
function readsHosts(config: Toml): boolean {
  const isThird = Number(config['version']) === 3
  const table = isThird ? 'io.containerd.cri.v1.images' : 'io.containerd.grpc.v1.cri'
  const path = valueAt(config, ['plugins', table, 'registry', 'config_path'])
  if (path === undefined) return isThird
  return typeof path === 'string' && path.split(':').includes(HOSTS)
}

function read(file: string): Toml | UserError {
  try {
    return parseToml(file, existsSync(file) ? readPlain(file).toString('utf8') : '')
  } catch (error) {
    if (error instanceof UserError) return error
    const code = (error as NodeJS.ErrnoException).code ?? ''
    return new UserError('FILE', `${file}: can't be read (${code}); run it as root`)
  }
}
