/** What `cert` tells of a certificate, and of who trusts it. */

import type { Provided } from '../../certificates/folder.ts'
import type { Trust } from '../../certificates/trust.ts'
import { table } from '../text.ts'

/** What there is. */
export function describe(name: string, provided: Provided): string {
  const { change, certFile, keyFile, caFile, zones, holdsUntil } = provided
  return table([
    [name, `certificate ${change}, holds until ${new Date(holdsUntil).toISOString().slice(0, 10)}`],
    ['certificate', certFile],
    ['key', keyFile],
    ['authority', `${caFile}, vouches for ${zones.join(', ')} alone`],
  ])
}

const inShell = (name: string) => (name.startsWith('*') ? `'${name}'` : name)

/** What makes clients trust it, to be run by hand. */
export function trustCommands(
  { caFile, certFile, keyFile }: Provided,
  trusts: readonly Trust[],
  name: string,
): string {
  const rows = trusts.map(({ truster, file, command }) => [
    `  ${truster}`,
    [`sudo install -D -m 644 ${caFile} ${file}`, command && `sudo ${command.join(' ')}`]
      .filter(Boolean)
      .join(' && '),
  ])
  return `
Serve it:
  ecr-cname serve --tls-cert ${certFile} --tls-key ${keyFile}

Make clients trust it, by ecr-cname cert ${inShell(name)} --install or by hand:
${table(rows)}`
}
