#!/usr/bin/env node
/** The npm package's program: the same as the packed one, compiled once and kept. */

import { enableCompileCache } from 'node:module'
import { storeFolder } from './front/places.ts'

// Not the folder that Node would take: what stands there is run, and others may write to /tmp.
enableCompileCache(`${storeFolder(process.env)}/compiled`)
// @ts-expect-error: the bundle beside this one.
void import('./main.cjs')
