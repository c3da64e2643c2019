import type { World } from './world.ts'

/** Polls until `probe` holds, and says what it waited for if it never does. */
export async function until(what: string, probe: () => Promise<boolean>, mostMs = 20_000) {
  const end = Date.now() + mostMs
  while (!(await probe())) {
    if (Date.now() > end) throw new Error(`waited ${mostMs} ms in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Whether someone in the world accepts connections at `address:port`. */
export async function isListening(world: World, address: string): Promise<boolean> {
  return (await world.succeed(`ss -Hltn src ${address}`)) !== ''
}
