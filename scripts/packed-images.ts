/** In the packed program, in place of src/commands/images/run.ts: the same, out of the binary's assets. */

import type * as images from '../src/commands/images/run.ts'
import { loadAsset } from './packed-asset.ts'

export const { runImages } = loadAsset('images') as typeof images
