/** The examples in README, as they stand there. */
import { readFileSync } from 'node:fs'

/** Those of a language below a heading, up to the next one. */
export function examples(heading: string, language: 'js' | 'sh'): readonly string[] {
  const [, rest = ''] = readFileSync('README.md', 'utf8').split(`# ${heading}\n`)
  const [section = ''] = rest.split(/\n##+ /)
  const fenced = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm')
  return [...section.matchAll(fenced)].map(([, code = '']) => code)
}
