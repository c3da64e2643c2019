/** What clients, and others, write as a server URL. */

import type { Random } from './random.ts'

const HOSTS = [
  'docker.company.test',
  'docker.company.test',
  '123456789012.dkr.ecr.us-east-1.amazonaws.com',
  'public.ecr.aws',
  'localhost',
  'a',
  'host_name.test',
  'xn--bcher-kva.test',
  '10.0.0.1',
  '[::1]',
  `${'long-label.'.repeat(12)}test`,
  `${'a'.repeat(250)}.b`,
]

/** Every form of needs and clients: scheme, port, path, slash, case. */
const FORMS: readonly ((host: string) => string)[] = [
  (host) => host,
  (host) => host,
  (host) => host,
  (host) => `${host}:5000`,
  (host) => `${host}:443`,
  (host) => `https://${host}`,
  (host) => `http://${host}`,
  (host) => `https://${host}/`,
  (host) => `https://${host}/v1/`,
  (host) => `https://${host}/v2/`,
  (host) => `//${host}`,
  (host) => `${host}/team/app`,
  (host) => `${host}:443/repo`,
  (host) => `https://${host}:443`,
  (host) => `http://${host}:443`,
  (host) => `http://${host}:80`,
  (host) => `https://${host}:8443/v2/`,
  (host) => `${host}.`,
  (host) => `${host}/`,
  (host) => `${host}?tag=1`,
  (host) => `${host}#part`,
  (host) => host.toUpperCase(),
  (host) => `HTTPS://${host}`,
  (host) => `${host}/päth/\u{1f433}`,
  (host) => `\u{feff}${host}`,
  (host) => `\u{a0}${host}\u{3000}`,
  (host) => JSON.stringify({ kind: 'CredentialProviderRequest', image: `${host}/app` }),
]

/** What must be nobody's host. */
const HOSTILE: readonly ((host: string) => string)[] = [
  (host) => `user:pw@${host}`,
  (host) => `${host}@evil.test`,
  (host) => `${host}\0`,
  (host) => `${host}\u0007`,
  (host) => `${host} x`,
  (host) => `${host}\nevil.test`,
  (host) => `${host}%2f..`,
  (host) => `../../${host}`,
  (host) => `${host}\\..`,
  (host) => `evil-${host}`,
  (host) => `${host}.evil.test`,
  (host) => `${host}:0`,
  (host) => `${host}:65536`,
  (host) => `${host}:080`,
  (host) => `${host}:5000:1`,
  (host) => `${host}:`,
  (host) => `${host}:x`,
  (host) => `.${host}`,
  (host) => `-${host}`,
  (host) => host.replace('.', '..'),
  (host) => `${host}..`,
  (host) => `ftp://${host}`,
  (host) => `https:/${host}`,
  (host) => `https://https://${host}`,
  (host) => host.replace('k', '\u{212a}'),
  (host) => host.replace('o', '\u{ff4f}'),
  (host) => `\u{202e}${host}`,
  (host) => `\u{85}${host}`,
  () => '../../etc/passwd',
  () => '/etc/passwd',
  () => 'bücher.test',
  () => 'İstanbul.test',
  () => '\u{1f433}.test',
  () => '-',
  () => '.',
  () => '[',
  () => ']:1',
  () => '[::1',
  () => '__proto__',
  () => 'constructor',
  () => ':443',
  () => '//',
  () => 'https://',
  () => '{',
  () => '   ',
  () => 'a'.repeat(300),
  () => 'a.'.repeat(5000),
]

const ENDINGS = ['', '', '', '\n', '\r\n', ' ', '\t', '\n\n', '\v\f']

export function serverUrl(random: Random): string {
  const host = random.pick(HOSTS)
  const form = random.pick(random.chance(0.87) ? FORMS : HOSTILE)
  return `${form(host)}${random.pick(ENDINGS)}`
}
