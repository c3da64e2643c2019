/** Images like no other: busybox, and a file `/who` that says which one it is. */
import type { World } from './world.ts'

let images = 0

/** The root file system of one, as a tar; larger by so many MiB that can't be compressed. */
export async function makeRootFilesystem(world: World, mebibytes = 0) {
  const tag = String(++images)
  const who = `image ${tag}\n`
  const folder = `/run/images/${tag}`
  await world.write(`${folder}/who`, who)
  await world.succeed(`install -D -t ${folder}/bin /bin/busybox`)
  if (mebibytes > 0) {
    await world.succeed(`dd if=/dev/urandom of=${folder}/random bs=1M count=${mebibytes}`)
  }
  await world.succeed(`tar -C ${folder} -cf ${folder}.tar .`)
  return { who, tag, tar: `${folder}.tar` }
}

/** One in an archive such as `docker save` writes, which all clients read. */
export async function makeArchive(world: World, repository: string, mebibytes?: number) {
  const { who, tag, tar } = await makeRootFilesystem(world, mebibytes)
  const image = `${repository}:${tag}`
  const folder = `/run/images/${tag}.archive`
  const digest = (await world.succeed(`sha256sum ${tar}`)).slice(0, 64)
  const config = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Cmd: ['/bin/busybox', 'cat', '/who'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  }
  const manifest = [{ Config: 'config.json', RepoTags: [image], Layers: ['layer.tar'] }]
  await world.write(`${folder}/config.json`, JSON.stringify(config))
  await world.write(`${folder}/manifest.json`, JSON.stringify(manifest))
  await world.succeed(`mv ${tar} ${folder}/layer.tar`)
  const archive = `${folder}.tar`
  await world.succeed(`tar -C ${folder} -cf ${archive} manifest.json config.json layer.tar`)
  return { image, who, archive }
}
