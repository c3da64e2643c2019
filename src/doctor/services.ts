/** Services that start credential helpers themselves, with a PATH and a home of their own. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../domain/errors.ts'
import { findMapping } from '../domain/mapping.ts'
import { configFiles, type Environment } from '../front/places.ts'
import { loadConfig } from '../io/config.ts'
import { isTrusted } from '../io/dns.ts'
import { findProgram } from '../io/programs.ts'
import { placeOf } from '../setup/place.ts'
import { type Finding, findingsOf } from './finding.ts'
import { runningOf } from './processes.ts'
import { HELPER } from './program.ts'
import { at, type Mapped, type Scene } from './scene.ts'

// dockerd and containerd are not among them: there the client asks.
const SERVICES = ['podman', 'crio', 'nomad', 'gitlab-runner', 'buildkite-agent']
const { ok, skipped } = findingsOf('services')

export function checkServices(scene: Scene, mapped: readonly Mapped[]): Finding[] {
  const running = runningOf(SERVICES, scene)
  const units = SERVICES.filter((name) => !running.some((one) => one.name === name))
    .map((name) => ({ name, env: unitEnvironment(name, scene) }))
    .filter(({ env }) => env !== undefined)
  const services = [...running, ...units]
  if (services.length === 0) return [skipped(`none of ${SERVICES.join(', ')} is here`)]
  return services.map(({ name, env }) => {
    if (!env) return skipped(`${name}: this user can't see its environment; run it as root`)
    return ofService(name, env, { scene, mapped })
  })
}

type About = { readonly scene: Scene; readonly mapped: readonly Mapped[] }

function ofService(name: string, env: Environment, { scene, mapped }: About): Finding {
  const about = findingsOf('services')
  const path = env['PATH'] ?? ''
  const folders = path.split(':').map((folder) => at(scene, folder))
  if (!findProgram(HELPER, { PATH: folders.join(':') })) {
    return about.broken('path', {
      what: `${name} runs with PATH=${path}, where ${HELPER} is not`,
      why: 'it starts the helper itself, and finds none though your shell does',
      fix: `link ${HELPER} into /usr/local/bin, or: sudo systemctl edit ${name}, [Service] Environment=PATH=…`,
    })
  }
  const own = placeOf(scene.root, env).env
  const lost = mapped.find(({ asked, rule }) => rule !== 'ecr' && !isMapped(asked, own))
  if (!lost) return ok(`${name} finds the helper and its configuration`)
  return about.broken('configuration', {
    what: `${name} does not see the mapping of ${lost.host}: it reads ${configFiles(own).join(', ')}`,
    why: "it runs as another user than you, so your user's configuration is not its own",
    fix: 'put the mappings into /etc/ecr-cname/config.json, which is for all users',
  })
}

function isMapped({ host, port }: Mapped['asked'], env: Environment): boolean {
  try {
    const { mappings, dns } = loadConfig(env)
    const mapping = findMapping(mappings, { host, ...(port ? { port: Number(port) } : {}) })
    return mapping !== undefined || isTrusted(host, dns.trustedZones)
  } catch (error) {
    if (error instanceof UserError) return false
    throw error
  }
}

/** The environment that a service will have once it is started; undefined where it will not be. */
function unitEnvironment(name: string, scene: Scene): Environment | undefined {
  const wanted = at(scene, '/etc/systemd/system/multi-user.target.wants')
  if (!existsSync(join(wanted, `${name}.service`))) return undefined
  const folders = UNITS.map((folder) => at(scene, folder))
  const unit = folders.map((folder) => join(folder, `${name}.service`)).find(existsSync)
  const dropIns = folders.map((folder) => join(folder, `${name}.service.d`)).flatMap(filesIn)
  const texts = [...(unit ? [unit] : []), ...dropIns].map((file) => readFileSync(file, 'utf8'))
  const assigned = texts.flatMap((text) => [...text.matchAll(/^Environment=(.*)$/gm)])
  const pairs = assigned.flatMap(([, line = '']) => [
    ...line.matchAll(/"?\b(PATH|HOME|XDG_CONFIG_HOME|ECR_CNAME_\w+)=([^"\s]*)/g),
  ])
  return { PATH: USUAL_PATH, ...Object.fromEntries(pairs.map(([, key, value]) => [key, value])) }
}

const UNITS = ['/etc/systemd/system', '/run/systemd/system', '/usr/lib/systemd/system']
/** systemd.exec(5), for services of the system. */
const USUAL_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin'

function filesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  const names = readdirSync(folder).filter((name) => name.endsWith('.conf'))
  return names.sort().map((name) => join(folder, name))
}
