/** A private authority for a few names, and certificates of it (RFC 5280). */

// Wanted by @peculiar/x509 before itself.
import 'reflect-metadata'
import { createPrivateKey, KeyObject, randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import { isIP, isIPv4 } from 'node:net'
import {
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_nameConstraints,
  NameConstraints,
} from '@peculiar/asn1-x509'
import { AsnConvert } from '@peculiar/asn1-schema'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate as Issued,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** A certificate and its key, as PEM. */
export type Pair = { readonly cert: string; readonly key: string }

const DAY = 24 * 3600_000
const AUTHORITY_DAYS = 3650
/** As browsers and Apple's systems take it at most for an authority that a user has added. */
const LEAF_DAYS = 397
const EC = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const

/** Founds an authority that can vouch for hosts in these zones and addresses, and no others. */
export async function foundAuthority(zones: readonly string[], now: number): Promise<Pair> {
  const keys = await newKeys()
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      name: [
        { O: ['ecr-cname'] },
        { CN: [`ecr-cname authority for ${zones.join(', ')}`.slice(0, 64)] },
      ],
      ...validity(now, AUTHORITY_DAYS),
      signingAlgorithm: SIGNATURE,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
        constraintsOf(zones),
      ],
    },
    webcrypto,
  )
  return toPair(certificate, keys.privateKey)
}

/** A certificate of a server with these names. */
export async function issue(authority: Pair, names: readonly string[], now: number): Promise<Pair> {
  const keys = await newKeys()
  const issuer = new Issued(authority.cert)
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(),
      // Not the name: OpenSSL would hold an address there against the constraints on hosts.
      subject: [{ O: ['ecr-cname'] }],
      issuer: issuer.subject,
      ...validity(now, LEAF_DAYS),
      signingAlgorithm: SIGNATURE,
      signingKey: await signingKey(authority),
      publicKey: keys.publicKey,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(
          names.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
        ),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
        await AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  )
  const pair = toPair(certificate, keys.privateKey)
  // With its chain, for clients that look for it.
  return { ...pair, cert: pair.cert + authority.cert }
}

/** Whether an authority of these zones may vouch for a name. */
export function covers(zones: readonly string[], name: string): boolean {
  const host = name.replace(/^\*\./, '')
  return zones.some((zone) => host === zone || (!isIP(zone) && host.endsWith(`.${zone}`)))
}

/** The zones that an authority was founded for. */
export function zonesOf(authority: string): readonly string[] {
  const raw = new Issued(authority).getExtension(id_ce_nameConstraints)
  if (!raw) return []
  const { permittedSubtrees = [] } = AsnConvert.parse(raw.value, NameConstraints)
  return [...permittedSubtrees].flatMap(
    ({ base }) => base.dNSName ?? base.iPAddress?.replace(/\/\d+$/, '') ?? [],
  )
}

/** Whether a certificate is for just these names, of this authority, and for some time yet. */
export function isGood(
  cert: string,
  {
    authority,
    names,
    until,
  }: { readonly authority: string; readonly names: readonly string[]; readonly until: number },
): boolean {
  try {
    const facts = new X509Certificate(cert)
    const own = (facts.subjectAltName ?? '').split(', ').map((name) => name.replace(/^[^:]*:/, ''))
    return (
      [...own].sort().join() === [...names].sort().join() &&
      facts.verify(new X509Certificate(authority).publicKey) &&
      endOf(cert) > until
    )
  } catch {
    return false
  }
}

/** Whether these are a certificate and its key. */
export function isPair({ cert, key }: Pair): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch {
    return false
  }
}

/** When a certificate ends, in milliseconds since 1970. */
export function endOf(cert: string): number {
  return Date.parse(new X509Certificate(cert).validTo)
}

// A kind of name that no subtree speaks of would be free, so it is shut out.
function constraintsOf(zones: readonly string[]): Extension {
  const addresses = zones.filter((zone) => isIP(zone))
  const shut = [
    ...(addresses.length > 0 ? [] : ANY_ADDRESS),
    ...(addresses.length < zones.length ? [] : [new GeneralName({ dNSName: '' })]),
  ]
  const constraints = new NameConstraints({
    permittedSubtrees: toSubtrees(zones.map(toGeneralName)),
    ...(shut.length > 0 && { excludedSubtrees: toSubtrees(shut) }),
  })
  return new Extension(id_ce_nameConstraints, true, AsnConvert.serialize(constraints))
}

const ANY_ADDRESS = ['0.0.0.0/0', '::/0'].map((range) => new GeneralName({ iPAddress: range }))

function toSubtrees(names: readonly GeneralName[]): GeneralSubtrees {
  return new GeneralSubtrees(names.map((base) => new GeneralSubtree({ base })))
}

function toGeneralName(zone: string): GeneralName {
  if (!isIP(zone)) return new GeneralName({ dNSName: zone })
  return new GeneralName({ iPAddress: `${zone}/${isIPv4(zone) ? 32 : 128}` })
}

function validity(now: number, days: number) {
  // Clocks differ by minutes.
  return { notBefore: new Date(now - 5 * 60_000), notAfter: new Date(now + days * DAY) }
}

// Positive, and not 0 in its first byte.
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return bytes.toString('hex')
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
}

async function signingKey({ key }: Pair): Promise<webcrypto.CryptoKey> {
  const pkcs8 = createPrivateKey(key).export({ type: 'pkcs8', format: 'der' })
  return await webcrypto.subtle.importKey('pkcs8', pkcs8, EC, false, ['sign'])
}

function toPair(certificate: Issued, privateKey: webcrypto.CryptoKey): Pair {
  const key = KeyObject.from(privateKey).export({ type: 'pkcs8', format: 'pem' })
  return { cert: `${certificate.toString('pem').trim()}\n`, key }
}
