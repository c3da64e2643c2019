/** Clients whom a sidecar knows by a password of its own. */
import { hashSync } from 'bcryptjs'

import type { World } from './world.ts'

export type Login = { readonly name: string; readonly password: string }

/** Two of them. */
export const ALICE: Login = { name: 'alice', password: 'a-password-of-the-company' }
export const BOB: Login = { name: 'bob', password: 'another-password' }

/** What a sidecar is told, so that it logs in to ECR itself, for these two. */
export const FOR_PASSWORDS = { auth: 'inject', clients: '/run/passwords' } as const

/** Writes the file that `FOR_PASSWORDS` names, as `htpasswd -B` would. */
export async function writePasswords(world: World) {
  const lines = [ALICE, BOB].map(({ name, password }) => `${name}:${hashSync(password, 5)}\n`)
  await world.write(FOR_PASSWORDS.clients, lines.join(''))
}
