/** dist/release: one archive for each platform, and the sums of all. */

export async function release(): Promise<void> {
  throw new Error('to come')
}
