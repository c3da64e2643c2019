/** Where a text calls `ecr-cname`: on a shell's line, or as the list of words that a container is given. */

import { readText } from './files.ts'

export type Invocation = {
  readonly file: string
  readonly name: string
  /** Without the dashes. */
  readonly flags: readonly string[]
}

// After what a command can stand: the beginning of a line, a prompt of YAML, a shell's operators, a quotation.
const CALL =
  /(?:^|\n|[`'"]|&&|\||\$\(|sudo |exec |run: |=\/usr\/local\/bin\/|"\$folder\/|=\/root )\s*(?:- )?(?:run: )?ecr-cname"? ([a-z-]+)([^\n`|;&)]*)/g
/** The words after an image's own program, as JSON or as YAML have them. */
const WORDS = /"?(?:args|command)"?: ?\[\s*"?(serve|setup|dockercfg|cert)"?([^\]]*)\]/g
const LISTED = /\bargs:\n\s+- (serve|setup|dockercfg|cert)\n((?:\s+- --.*\n)*)/g
const ENTRY = /ENTRYPOINT \["ecr-cname", "([a-z-]+)"([^\]]*)\]/g

/** All of them in a file, in no order. */
export function invocationsIn(file: string): readonly Invocation[] {
  const text = readText(file).replaceAll(/\\\n\s*/g, '')
  return [CALL, WORDS, LISTED, ENTRY]
    .flatMap((pattern) => [...text.matchAll(pattern)])
    .map(([, name = '', rest = '']) => ({ file, name, flags: flagsIn(rest) }))
}

function flagsIn(words: string): readonly string[] {
  return [...words.matchAll(/(?:^|[\s"'[])--([a-z][a-z-]*)/g)].map(([, flag = '']) => flag)
}
