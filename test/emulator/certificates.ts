/** A certificate authority for the names of AWS, kept in a folder so that clients can trust it. */

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { join } from 'node:path'
import { createSecureContext, type SecureContext, type TlsOptions } from 'node:tls'

import {
  bits,
  field,
  integer,
  octets,
  oid,
  plainField,
  sequence,
  set,
  text,
  time,
  yes,
} from './der.ts'

export type Leaf = { readonly cert: string; readonly key: string }
export type CertificateFiles = { readonly certFile: string; readonly keyFile: string }

export type Authority = {
  readonly caFile: string
  /** Valid from yesterday, for so many days from now. */
  readonly issue: (names: readonly string[], days?: number) => Leaf
  /** The same, as files next to the authority's own. */
  readonly issueFiles: (names: readonly string[], days?: number) => CertificateFiles
}

const CA_NAME = 'ECR emulator authority'
const DAY = 24 * 3600_000
const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'))

/** Opens the authority in a folder, or founds it there. */
export function openAuthority(folder: string): Authority {
  mkdirSync(folder, { recursive: true })
  const caFile = join(folder, 'ca.pem')
  const keyFile = join(folder, 'ca.key')
  if (!existsSync(caFile) || !existsSync(keyFile)) found(caFile, keyFile)
  const caKey = createPrivateKey(readFileSync(keyFile))
  const issue = (names: readonly string[], days = 397): Leaf => {
    const { privateKey, publicKey } = newKey()
    const extensions = leafExtensions(names, createPublicKey(caKey))
    const subject = { name: names[0] ?? '', publicKey, days, extensions }
    return { cert: certify(subject, caKey), key: toPem(privateKey) }
  }
  return {
    caFile,
    issue,
    issueFiles(names, days) {
      const { cert, key } = issue(names, days)
      const base = join(folder, `leaf-${randomBytes(6).toString('hex')}`)
      writeFileSync(`${base}.pem`, cert)
      writeFileSync(`${base}.key`, key, { mode: 0o600 })
      return { certFile: `${base}.pem`, keyFile: `${base}.key` }
    },
  }
}

/**
 * TLS by the name that is asked for: `names` says what the certificate for it shall hold.
 * Without `fallback` a client that sends no name gets no handshake.
 */
export function tlsByName(
  authority: Authority,
  names: (asked: string) => readonly string[],
  fallback?: readonly string[],
): TlsOptions {
  const contexts = new Map<string, SecureContext>()
  return {
    ...(fallback && authority.issue(fallback)),
    SNICallback(asked, done) {
      const wanted = names(asked.toLowerCase())
      const id = wanted.join()
      const context = contexts.get(id) ?? createSecureContext(authority.issue(wanted))
      contexts.set(id, context)
      done(null, context)
    },
  }
}

type Subject = {
  readonly name: string
  readonly publicKey: KeyObject
  readonly days: number
  readonly extensions: readonly Buffer[]
}

const found = (caFile: string, keyFile: string) => {
  const { privateKey, publicKey } = newKey()
  const extensions = [
    extension('2.5.29.19', sequence(yes), 'critical'), // basicConstraints: an authority
    extension('2.5.29.15', bits(Buffer.from([0b0000_0110]), 1), 'critical'), // signs certificates
    extension('2.5.29.14', octets(keyId(publicKey))),
  ]
  writeFileSync(keyFile, toPem(privateKey), { mode: 0o600 })
  writeFileSync(caFile, certify({ name: CA_NAME, publicKey, days: 3650, extensions }, privateKey))
  // Whatever the umask: clients that run as another user read it.
  chmodSync(caFile, 0o644)
}

const leafExtensions = (names: readonly string[], caKey: KeyObject) => [
  extension('2.5.29.19', sequence(), 'critical'),
  extension('2.5.29.15', bits(Buffer.from([0b1000_0000]), 7), 'critical'), // digitalSignature
  // serverAuth, and clientAuth for clients that show one.
  extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.3.6.1.5.5.7.3.2'))),
  extension('2.5.29.17', sequence(...names.map(alternativeName))),
  extension('2.5.29.35', sequence(plainField(0, keyId(caKey)))),
]

// RFC 5280, section 4.1. Valid by the real clock whatever the emulator's says, for clients
// check certificates by theirs.
const certify = ({ name, publicKey, days, extensions }: Subject, caKey: KeyObject) => {
  const body = sequence(
    field(0, integer(Buffer.from([2]))), // version 3
    integer(Buffer.concat([Buffer.from([0x40]), randomBytes(15)])),
    ECDSA_SHA256,
    commonName(CA_NAME),
    sequence(time(new Date(Date.now() - DAY)), time(new Date(Date.now() + days * DAY))),
    commonName(name),
    spki(publicKey),
    field(3, sequence(...extensions)),
  )
  const whole = sequence(body, ECDSA_SHA256, bits(sign('sha256', body, caKey)))
  const lines = whole.toString('base64').replaceAll(/.{1,64}/g, '$&\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`
}

const extension = (id: string, value: Buffer, critical?: 'critical') =>
  sequence(oid(id), ...(critical ? [yes] : []), octets(value))

// A common name holds 64 characters at most; it is there to be read, the names count.
const commonName = (name: string) =>
  sequence(set(sequence(oid('2.5.4.3'), text(name.slice(0, 64)))))

const alternativeName = (name: string) =>
  isIPv4(name)
    ? plainField(7, Buffer.from(name.split('.').map(Number)))
    : plainField(2, Buffer.from(name))

const keyId = (key: KeyObject) => createHash('sha1').update(spki(key)).digest()

const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'der' })

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })

const toPem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' })
