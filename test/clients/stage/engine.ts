/** A Docker engine of the world's own: Debian's, with everything below `/run`. */
import { until } from './until.ts'
import type { World } from './world.ts'

/** The socket of the containerd that the engine brings along. */
export const CONTAINERD = '/run/docker/exec/containerd/containerd.sock'

export async function startEngine(world: World) {
  // No bridge and no firewall rules, as these containers need no network; world.sh removes the control groups.
  await world.start(
    'dockerd',
    `dockerd --data-root=/run/docker/data --exec-root=/run/docker/exec --pidfile=/run/docker/pid
      --bridge=none --iptables=false --ip6tables=false --cgroup-parent=/world-${world.pid}`,
  )
  await until('dockerd', async () => (await world.run('docker version')).code === 0)
}
