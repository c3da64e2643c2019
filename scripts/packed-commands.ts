/** In the packed program, in place of src/commands/run.ts: the same, out of the binary's assets. */

import { getRawAsset } from 'node:sea'
import { load, toScript } from './compiled.ts'

const asset = (name: string): Buffer => Buffer.from(getRawAsset(name))

export const { run, runHelper } = load(
  toScript(asset('commands.cjs').toString('latin1'), asset('commands.cache')),
)
