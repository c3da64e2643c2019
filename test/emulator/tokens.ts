/** Registry passwords, in the shape of ECR's: base64 of a JSON that names its own expiry. */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/** What a token stands for; only the emulator that minted it can read it. */
export type Claims = {
  readonly kind: 'private' | 'public'
  readonly principal: string
  readonly region: string
  /** Seconds since 1970. */
  readonly expiration: number
}

const CIPHER = 'aes-256-gcm'
const NONCE = 12
const TAG = 16

/** Mints a password of about `length` characters. */
export function mintPassword(key: Buffer, claims: Claims, length: number): string {
  const datakey = randomBytes(170).toString('base64')
  const bare = envelope(claims.expiration, datakey, '')
  // Base64 twice: of the payload within, and of the whole.
  const room = Math.floor((((length * 3) / 4 - bare.length) * 3) / 4) - NONCE - TAG
  const text = JSON.stringify(claims)
  // JSON.parse skips white space, so this needs no field of its own.
  const payload = seal(key, text.padEnd(room))
  return Buffer.from(envelope(claims.expiration, datakey, payload)).toString('base64')
}

/** Reads a password back; undefined for one that was not minted here. */
export function readPassword(key: Buffer, password: string): Claims | undefined {
  try {
    const { payload } = JSON.parse(Buffer.from(password, 'base64').toString()) as {
      payload: string
    }
    return JSON.parse(unseal(key, Buffer.from(payload, 'base64'))) as Claims
  } catch {
    return undefined
  }
}

const envelope = (expiration: number, datakey: string, payload: string) =>
  JSON.stringify({ payload, datakey, version: '2', type: 'DATA_KEY', expiration })

const seal = (key: Buffer, text: string) => {
  const nonce = randomBytes(NONCE)
  const cipher = createCipheriv(CIPHER, key, nonce)
  const sealed = Buffer.concat([cipher.update(text), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')
}

const unseal = (key: Buffer, sealed: Buffer) => {
  const cipher = createDecipheriv(CIPHER, key, sealed.subarray(0, NONCE))
  cipher.setAuthTag(sealed.subarray(NONCE, NONCE + TAG))
  return Buffer.concat([cipher.update(sealed.subarray(NONCE + TAG)), cipher.final()]).toString()
}
