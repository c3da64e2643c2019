/** Where kubelet looks for image credential providers, and how it is told to where it is not yet. */

import { existsSync } from 'node:fs'
import { type Change, textOf } from './plan.ts'
import { expanded, readService, type Service } from './systemd.ts'

export type KubeletPlaces = {
  /** The CredentialProviderConfig, and the folder of the programs, as kubelet names them. */
  readonly config: string
  readonly binaries: string
  /** Whether kubelet looks there as it is. */
  readonly isRead: boolean
  /** What turns them on, where no flag does. */
  readonly changes: readonly Change[]
  readonly notes: readonly string[]
  /** What makes kubelet read it anew. */
  readonly restart?: string
}

type At = (path: string) => string

const OWN = { config: '/etc/kubernetes/ecr-cname.yaml', binaries: '/usr/local/lib/ecr-cname' }
// What k3s and RKE2 look into by themselves.
const RANCHERS = {
  config: '/var/lib/rancher/credentialprovider/config.yaml',
  binaries: '/var/lib/rancher/credentialprovider/bin',
}
const RANCHER_SERVICES = ['k3s', 'k3s-agent', 'rke2-server', 'rke2-agent']
const DROP_IN = '/etc/systemd/system/kubelet.service.d/90-ecr-cname.conf'

/** The places that kubelet's flags name, or such as are to be named. */
export function findKubelet(at: At): KubeletPlaces {
  const rancher = RANCHER_SERVICES.find((name) => readService(`${name}.service`, at))
  if (rancher !== undefined) return ofRancher(rancher, at)
  const service = readService('kubelet.service', at)
  const restart = 'systemctl daemon-reload && systemctl restart kubelet'
  if (!service) {
    const note = `no unit of kubelet is here: start it with ${flagsFor(OWN)}`
    return { ...OWN, isRead: false, changes: [], notes: [note] }
  }
  const found = placesIn(expanded(service))
  if (found) return { ...found, isRead: true, changes: [], notes: notesFor(found.config), restart }
  return { ...OWN, isRead: false, changes: [turnOn(service, at)], notes: [], restart }
}

function ofRancher(name: string, at: At): KubeletPlaces {
  const folder = `/etc/rancher/${name.replace(/-.*/, '')}`
  const said = textOf(at(`${folder}/config.yaml`))
  const restart = `systemctl restart ${name}`
  const told = placesIn(said)
  // Their own place they look into where there is such a file.
  const isRead = told !== undefined || existsSync(at(RANCHERS.config))
  return { ...(told ?? RANCHERS), isRead, changes: [], notes: [], restart }
}

function placesIn(text: string): Pick<KubeletPlaces, 'config' | 'binaries'> | undefined {
  const [config, binaries] = ['config', 'bin-dir'].map((flag) => {
    const given = new RegExp(
      `image-credential-provider-${flag}(?:=|\\s*:?\\s+)["']?([^\\s"']+)`,
      'g',
    )
    return [...text.matchAll(given)].at(-1)?.[1]
  })
  return config !== undefined && binaries !== undefined ? { config, binaries } : undefined
}

function notesFor(config: string): readonly string[] {
  if (!config.startsWith('/etc/eks/')) return []
  return [`EKS writes ${config} anew when a node starts: run this in its user data, behind that`]
}

function flagsFor({ config, binaries }: Pick<KubeletPlaces, 'config' | 'binaries'>): string {
  return `--image-credential-provider-config=${config} --image-credential-provider-bin-dir=${binaries}`
}

const EXTRA = 'KUBELET_EXTRA_ARGS'

// As kubeadm's packages have it: a variable for the flags of users, in a file of theirs.
function turnOn(service: Service, at: At): Change {
  const file = service.variableFiles.at(-1)
  if (file !== undefined && service.command.includes(EXTRA)) {
    return withVariable(at(file), service.variables.get(EXTRA) ?? '')
  }
  const text = `# Made by: ecr-cname setup kubelet. Taken away by: ecr-cname setup kubelet --undo
[Service]
ExecStart=
ExecStart=${service.command} ${flagsFor(OWN)}
`
  return { path: at(DROP_IN), content: Buffer.from(text) }
}

function withVariable(path: string, before: string): Change {
  const text = textOf(path)
  const value = [before, flagsFor(OWN)].filter(Boolean).join(' ')
  const quote = /["'\\]/.test(value) && !value.includes("'") ? "'" : '"'
  const line = `${EXTRA}=${quote}${value}${quote}`
  const given = new RegExp(`^[ \\t]*${EXTRA}[ \\t]*=(?:.*\\\\\\r?\\n)*.*$`, 'gm')
  const last = [...text.matchAll(given)].at(-1)
  if (!last) {
    const start = text === '' || text.endsWith('\n') ? text : `${text}\n`
    return { path, content: Buffer.from(`${start}${line}\n`) }
  }
  const end = last.index + last[0].length
  const after = `${text.slice(0, last.index)}${line}${last[0].endsWith('\r') ? '\r' : ''}${text.slice(end)}`
  return { path, content: Buffer.from(after) }
}
