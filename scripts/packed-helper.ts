/** In the packed program, in place of src/commands/helper.ts: the same, out of the binary's assets. */

import type * as helper from '../src/commands/helper.ts'
import { loadAsset } from './packed-asset.ts'

export const { runHelper } = loadAsset('helper') as typeof helper
