/** The examination: every link of the chain, those that do not wait for each other at once. */

import { checkAws } from './aws.ts'
import { clientsOf } from './clients.ts'
import { checkConfiguration } from './configuration.ts'
import { checkContainerd } from './containerd.ts'
import { checkDocker } from './docker.ts'
import { type Finding, findingsOf, isBroken, type Link, LINKS } from './finding.ts'
import { checkKubelet } from './kubelet.ts'
import { checkMapping } from './mapping.ts'
import { meet } from './name.ts'
import { checkPodman } from './podman.ts'
import { checkProgram } from './program.ts'
import { checkRegistry } from './registry.ts'
import type { Login, Mapped, Scene, Subject } from './scene.ts'
import { checkServices } from './services.ts'
import { checkSidecar } from './sidecar.ts'
import { checkStore } from './store.ts'
import { checkTrust } from './trust.ts'

/** All findings, in the order of the chain. */
export async function examine(scene: Scene): Promise<readonly Finding[]> {
  const mapped = scene.subjects.filter(isMapped)
  const asked = [
    checkProgram(scene),
    ...scene.subjects.map((subject) => examineSubject(subject, scene)),
  ]
  const here = HERE.flatMap(([link, check]) => guarded(link, () => check(scene, mapped)))
  const all = [...here, ...(await Promise.all(asked)).flat()]
  return LINKS.flatMap((link) => all.filter((finding) => finding.link === link))
}

type CheckHere = (scene: Scene, mapped: readonly Mapped[]) => readonly Finding[]

/** What asks no network. */
const HERE: readonly (readonly [Link, CheckHere])[] = [
  ['configuration', checkConfiguration],
  ['store', checkStore],
  ['docker', checkDocker],
  ['podman', checkPodman],
  ['containerd', checkContainerd],
  ['kubelet', checkKubelet],
  ['services', checkServices],
]

// What belongs to other users may be closed to this one.
function guarded(link: Link, check: () => readonly Finding[]): readonly Finding[] {
  try {
    return check()
  } catch (error) {
    const { code, path = 'a file' } = error as NodeJS.ErrnoException
    if (code !== 'EACCES' && code !== 'EPERM') throw error
    return [findingsOf(link).skipped(`${path} may not be read by this user; run it as root`)]
  }
}

const UNDER_THE_NAME: readonly Link[] = ['name', 'trust', 'sidecar']
const REMOTE: readonly Link[] = [
  'identity',
  'clock',
  'token',
  'permissions',
  'registry',
  ...UNDER_THE_NAME,
]

function isMapped(subject: Subject): subject is Mapped {
  return subject.mapping !== undefined
}

async function examineSubject(subject: Subject, scene: Scene): Promise<readonly Finding[]> {
  const mapping = await checkMapping(subject, scene)
  if (!isMapped(subject)) return [...mapping, ...skip(REMOTE, subject, 'no registry is known')]
  if (scene.isOffline) return [...mapping, ...skip(REMOTE, subject, 'offline')]
  const atAws = checkAws(subject, scene)
  const ofRegistry = atAws.then(async ({ token }) => [await checkRegistry(subject, token, scene)])
  const login = async () => subject.login ?? (await atAws).token
  const ofName = examineName(subject, login, scene)
  const later = await Promise.all([atAws.then(({ findings }) => findings), ofRegistry, ofName])
  return [...mapping, ...later.flat()]
}

async function examineName(
  subject: Mapped,
  login: () => Promise<Login | undefined>,
  scene: Scene,
): Promise<readonly Finding[]> {
  const { asked, mapping } = subject
  if (asked.host === mapping.registry.host) {
    return skip(UNDER_THE_NAME, subject, "it is ECR's own name")
  }
  const clients = clientsOf(subject, scene)
  if (clients.direct.length === 0) {
    const reason = `${clients.spared.join(' and ')}: set up to pull from the registry itself`
    return skip(UNDER_THE_NAME, subject, reason)
  }
  const { findings, site, isLocal } = await meet(subject, clients, scene)
  if (!site) return [...findings, ...skip(['trust', 'sidecar'], subject, 'nobody answers')]
  if (isBroken(findings)) {
    return [...findings, ...skip(['trust', 'sidecar'], subject, 'its certificate does not hold')]
  }
  const trust = await checkTrust(subject, { site, clients, scene })
  const { trusted } = trust
  const around = { site, isLocal, trusted, login: await login(), scene }
  return [...findings, ...trust.findings, ...(await checkSidecar(subject, around))]
}

function skip(links: readonly Link[], { host }: Subject, reason: string): readonly Finding[] {
  return links.map((link) => findingsOf(link, host).skipped(reason))
}
