/** What podman, buildah and skopeo keep, and where. */
import type { World } from './world.ts'

/** Keeps their images with the world. */
export async function keepImagesInMemory(world: World) {
  const places = 'graphroot = "/run/containers/data"\nrunroot = "/run/containers/run"'
  await world.write('/etc/containers/storage.conf', `[storage]\ndriver = "overlay"\n${places}\n`)
  // crun wants control groups of one kind, and the machine may have both.
  const engine = 'runtime = "runc"\ncgroup_manager = "cgroupfs"'
  await world.write('/etc/containers/containers.conf', `[engine]\n${engine}\n`)
}
