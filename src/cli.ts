#!/usr/bin/env node
/** The npm package's program: the same as the packed one, compiled once and kept. */

import { enableCompileCache } from 'node:module'
import { isOff } from './front/answer.ts'
import { storeFolder } from './front/places.ts'
import { privateFolder } from './io/files.ts'

// Not the folder that Node would take: what stands there is run, and others may write to /tmp.
if (!isOff(process.env)) {
  const folder = `${storeFolder(process.env)}/compiled`
  try {
    privateFolder(storeFolder(process.env))
    privateFolder(folder)
    enableCompileCache(folder)
  } catch {
    // Without it a start takes longer, and that is all.
  }
}
// @ts-expect-error: the bundle beside this one.
void import('./main.cjs')
