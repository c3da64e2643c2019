import type { World } from './world.ts'

let images = 0

/** A root file system like no other, as a tar: busybox, and a file `/who` that says which one it is. */
export async function makeRootFilesystem(world: World) {
  const tag = String(++images)
  const who = `image ${tag}\n`
  const folder = `/run/images/${tag}`
  await world.write(`${folder}/who`, who)
  await world.succeed(`install -D -t ${folder}/bin /bin/busybox`)
  await world.succeed(`tar -C ${folder} -cf ${folder}.tar .`)
  return { who, tag, tar: `${folder}.tar` }
}
