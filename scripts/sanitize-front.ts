/** Compiles src/front with gcc's AddressSanitizer and LeakSanitizer, for the tests alone. */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** Makes the program, or says why it can't be made here. A fault in the source throws. */
export function sanitizeFront(output: string, source = 'src/front/program.ts'): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return `the compiler does not serve ${process.platform} on ${process.arch}`
  }
  const tools = mkdtempSync(join(tmpdir(), 'ecr-cname-sanitize-'))
  try {
    if (!hasSanitizer(tools)) return 'no gcc with AddressSanitizer was found (gcc, libc6-dev)'
    symlinkSync(resolve('scripts/gcc-as-clang.sh'), join(tools, 'clang'))
    const { status, stdout, stderr } = spawnSync(
      'scriptc',
      ['build', source, '-o', output, '--sanitize', '--backend', 'c', '--no-keep-c'],
      {
        encoding: 'utf8',
        env: {
          ...process.env,
          PATH: `${tools}:${process.env['PATH']}`,
          SCRIPTC_NO_CACHE: '1',
        },
      },
    )
    if (status === 0 && existsSync(output)) return undefined
    throw new Error(`${source} does not compile:\n${stdout}${stderr}`)
  } finally {
    rmSync(tools, { recursive: true, force: true })
  }
}

function hasSanitizer(folder: string): boolean {
  const source = join(folder, 'empty.c')
  writeFileSync(source, 'int main(void) { return 0; }\n')
  const options = ['-fsanitize=address', source, '-o', join(folder, 'empty')]
  return spawnSync('gcc', options).status === 0
}
