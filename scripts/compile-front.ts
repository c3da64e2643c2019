/** Compiles src/front into a small static program, where compiler and linker serve this machine. */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

/** Static against musl, which gives the smaller program; glibc where there is no musl. */
const LINKERS = [
  {
    script: 'scripts/link-musl.sh',
    target: 'x86_64-linux-musl',
    needs: '/usr/lib/x86_64-linux-musl/crt1.o',
  },
  {
    script: 'scripts/link-glibc.sh',
    target: 'x86_64-linux-gnu',
    needs: '/usr/lib/x86_64-linux-gnu/libc.a',
  },
]

/** Makes the program, or says why it can't be made here. A fault in the source throws. */
export function compileFront(output: string): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return `the compiler of the small one does not serve ${process.platform} on ${process.arch}`
  }
  const linker = LINKERS.find(({ needs }) => existsSync(needs))
  if (!linker || spawnSync('gcc', ['--version']).status !== 0) {
    return 'no C linker for the small one was found (gcc, and musl-dev or libc6-dev)'
  }
  const { status, stdout, stderr } = spawnSync(
    'scriptc',
    ['build', 'src/front/program.ts', '-o', output, '--strip', '--no-keep-c'],
    {
      encoding: 'utf8',
      env: {
        ...process.env,
        SCRIPTC_NO_CACHE: '1',
        SCRIPTC_LINKER: resolve(linker.script),
        SCRIPTC_TARGET: linker.target,
      },
    },
  )
  if (status === 0 && existsSync(output)) return undefined
  throw new Error(`src/front does not compile:\n${stdout}${stderr}`)
}
