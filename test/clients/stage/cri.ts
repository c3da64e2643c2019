/**
 * containerd by its Container Runtime Interface, as kubelet speaks to it: gRPC by hand, which spares
 * the tests a client that Debian has not.
 */
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'

import { until } from './until.ts'
import type { World } from './world.ts'

/** Its socket. */
export const CONTAINERD = '/run/containerd/containerd.sock'
const PID = '/run/containerd/pid'

/** Starts Debian's containerd with all of its configuration, anew where it runs already. */
export async function startContainerd(world: World) {
  await world.run(['sh', '-c', `kill $(cat ${PID}) && tail --pid $(cat ${PID}) -f /dev/null`])
  const places = '--root /run/containerd/data --state /run/containerd/state'
  const command = `mkdir -p /run/containerd; echo $$ >${PID}; exec containerd --address ${CONTAINERD} ${places}`
  await world.start('containerd', ['sh', '-c', command])
  const probe = `ctr --address ${CONTAINERD} plugins ls id==cri`
  await until('containerd', async () => (await world.run(probe)).stdout.includes('ok'))
  // The plug-in is there before it answers.
  const isReady = () =>
    askCri(world, 'ListImages', Buffer.of()).then(
      () => true,
      () => false,
    )
  await until('containerd for kubelet', isReady)
}

export type Password = { readonly username: string; readonly password: string }

/** Pulls an image as kubelet does; fails with what containerd says. */
export async function pullByCri(world: World, image: string, password?: Password) {
  await askCri(world, 'PullImage', toMessage(image, password)).catch((error: Error) => {
    throw new Error(`pull of ${image}: ${error.message}`)
  })
}

async function askCri({ outside }: World, method: string, message: Buffer): Promise<void> {
  const client = connectHttp2('http://cri', {
    createConnection: () => connect(outside(CONTAINERD)),
  })
  try {
    const call = client.request({
      ':method': 'POST',
      ':path': `/runtime.v1.ImageService/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    const frame = Buffer.alloc(5)
    frame.writeUInt32BE(message.length, 1)
    call.end(Buffer.concat([frame, message]))
    let status: unknown
    let said: unknown
    call.on('response', (head) => ([status, said] = [head['grpc-status'], head['grpc-message']]))
    call.on('trailers', (tail) => ([status, said] = [tail['grpc-status'], tail['grpc-message']]))
    call.resume()
    await once(call, 'close')
    if (status !== '0') throw new Error(decodeURIComponent(String(said)))
  } finally {
    client.close()
  }
}

// PullImageRequest of k8s.io/cri-api: an ImageSpec, and an AuthConfig.
function toMessage(image: string, password?: Password): Buffer {
  const spec = field(1, field(1, image))
  if (!password) return spec
  return Buffer.concat([
    spec,
    field(2, Buffer.concat([field(1, password.username), field(2, password.password)])),
  ])
}

function field(number: number, content: string | Buffer): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(bytes.length)]), bytes])
}

function varint(value: number): readonly number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]
}
