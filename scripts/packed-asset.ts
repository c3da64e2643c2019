/** A bundle among the assets of the packed program, with its compiled code. */

import { getRawAsset } from 'node:sea'
import { load, toScript } from './compiled.ts'

const asset = (name: string): Buffer => Buffer.from(getRawAsset(name))

/** What the bundle of a name exports. */
export function loadAsset(name: string): unknown {
  return load(toScript(asset(`${name}.cjs`).toString('latin1'), asset(`${name}.cache`)))
}
