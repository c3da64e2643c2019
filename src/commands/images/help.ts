/** What `--help` says of the commands for images; apart from them, whose code the help need not load. */

import type { Command } from '../command.ts'

const QUIET = { name: 'quiet', summary: 'no progress' } as const
const PLATFORM = {
  name: 'platform',
  value: 'OS/ARCH',
  summary: 'of several, the one for this platform, such as linux/arm64; one for another is refused',
} as const

export const pullHelp = {
  name: 'pull',
  group: 'Images',
  summary: 'Pull an image into a file or folder, with no engine',
  operands: 'REF',
  options: [
    {
      name: 'output',
      short: 'o',
      value: 'FILE',
      summary: 'the archive or folder to write; - is a pipe on stdout',
    },
    {
      name: 'format',
      value: 'FORMAT',
      choices: ['docker', 'oci', 'oci-archive'],
      summary:
        'docker: an archive for docker load and podman load (the default); oci: a folder; oci-archive: that in an archive',
    },
    PLATFORM,
    { name: 'all-platforms', summary: 'all of them, for oci and oci-archive' },
    { name: 'no-cache', summary: 'keep no layers for the next pull, and use none' },
    QUIET,
    {
      name: 'json',
      summary: 'as JSON: ref, digest, mediaType, platform (of one), size, layers, output',
    },
  ],
  notes: `Layers are kept below the store, 10 GB at most (ECR_CNAME_LAYERS: a size such as 40GB, or off);
see: ecr-cname cache. A pull that was stopped is gone on with by the next one.`,
  example: `ecr-cname pull docker.company.com/team/app:1.0 -o app.tar && docker load -i app.tar`,
} as const satisfies Omit<Command, 'run'>

export const pushHelp = {
  name: 'push',
  group: 'Images',
  summary: 'Push an image out of a file or folder, with no engine',
  operands: 'FILE REF',
  options: [
    {
      name: 'tag',
      value: 'NAME',
      summary:
        'of several images in the archive, the one of this name, or of this digest if it has none',
    },
    { ...PLATFORM, summary: 'of several platforms, only this one, such as linux/arm64' },
    {
      name: 'mount-from',
      value: 'REPOSITORY',
      multiple: true,
      summary:
        'take layers that are there already from this repository of the same registry; repeatable',
    },
    QUIET,
    { name: 'json', summary: 'as JSON: ref, digest, mediaType, size, blobs by how they went' },
  ],
  notes: `FILE is what docker save, podman save, skopeo copy (oci, oci-archive, docker-archive) or pull wrote,
also an OCI folder of links; - is a pipe on stdin, kept below TMPDIR until all of it is pushed.`,
  example: `docker save team/app:1.0 -o app.tar && ecr-cname push app.tar docker.company.com/team/app:1.0`,
} as const satisfies Omit<Command, 'run'>

export const reposHelp = {
  name: 'repos',
  group: 'Images',
  summary: 'List the repositories of a registry',
  operands: 'HOST',
  options: [
    { name: 'limit', value: 'N', summary: 'so many at most' },
    { name: 'json', summary: 'as JSON: repository; uri and createdAt where ECR tells them' },
  ],
  example: 'ecr-cname repos docker.company.com',
} as const satisfies Omit<Command, 'run'>

export const tagsHelp = {
  name: 'tags',
  group: 'Images',
  summary: 'List the tags of a repository',
  operands: 'REPOSITORY',
  options: [
    { name: 'limit', value: 'N', summary: 'so many at most, the latest versions' },
    {
      name: 'json',
      summary: 'as JSON: tag; digest, size and pushedAt where ECR tells them',
    },
  ],
  example: 'ecr-cname tags docker.company.com/team/app',
} as const satisfies Omit<Command, 'run'>

export const cacheHelp = {
  name: 'cache',
  group: 'Images',
  summary: 'Show the layers that are kept on disk, or clear them',
  operands: '[show|clear]',
  words: ['show', 'clear'],
  options: [{ name: 'json', summary: 'as JSON: folder, limit, size, layers' }],
  example: 'ecr-cname cache clear',
} as const satisfies Omit<Command, 'run'>
