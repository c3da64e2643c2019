/** In the packed program, in place of src/commands/run.ts: the same, out of the binary's assets. */

import type * as commands from '../src/commands/run.ts'
import { loadAsset } from './packed-asset.ts'

export const { run } = loadAsset('commands') as typeof commands
