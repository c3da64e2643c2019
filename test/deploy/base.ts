/** A base for the image, made of what is on this machine; elsewhere it would be debian:12-slim. */

import { execFileSync } from 'node:child_process'

import type { World } from '../clients/stage/world.ts'

const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'
/** What there is a library for. */
const PROGRAMS = ['/usr/bin/bash', 'dist/ecr-cname']
const APPLETS = ['chmod', 'chown', 'id', 'mkdir', 'sleep']

/** Imports it into the engine of the world under this name. */
export async function makeBase(world: World, name: string): Promise<void> {
  const folder = '/run/base'
  const libraries = PROGRAMS.flatMap(librariesOf)
  await world.succeed(`install -D -t ${folder}/bin /usr/bin/bash /bin/busybox`)
  for (const applet of APPLETS) await world.succeed(`ln -s busybox ${folder}/bin/${applet}`)
  await world.succeed(`mkdir -p -m 1777 ${folder}/tmp`)
  const files = [...new Set(libraries), CERTIFICATES]
  await world.succeed(`cp --parents --dereference ${files.join(' ')} ${folder}`)
  await world.succeed(`tar -C ${folder} -cf ${folder}.tar .`)
  const path = 'ENV PATH=/usr/local/bin:/bin'
  await world.succeed(['/usr/bin/docker', 'import', '--change', path, `${folder}.tar`, name])
}

function librariesOf(program: string): readonly string[] {
  const said = execFileSync('ldd', [program], { encoding: 'utf8' })
  return [...said.matchAll(/(\/\S+) \(0x/g)].map(([, library = '']) => library)
}
