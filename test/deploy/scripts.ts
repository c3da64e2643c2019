/** The shell scripts of `deploy/`: files that are one, and what stands in other files. */

import { readText, readYaml } from './files.ts'

export type Script = { readonly name: string; readonly script: string; readonly shell: string }

/** Keys whose values are shell, in the files of CI services. */
const KEYS = ['run', 'script', 'before_script', 'commands', 'cmd']
const SHEBANG = /^#!\/bin\/(\w+)\n/

/** The scripts in a file, each with a name to tell it by. */
export function scriptsIn(file: string): readonly Script[] {
  // A template of Terraform is looked at as it is rendered.
  if (file.endsWith('.tftpl')) return []
  const text = readText(file)
  const [, shell] = SHEBANG.exec(text) ?? []
  if (shell !== undefined) return [{ name: file, script: text, shell }]
  if (file.endsWith('/Jenkinsfile')) {
    const steps = [...text.matchAll(/sh '''\n([\s\S]*?)'''/g)]
    return steps.map(([, script = '']) => ({ name: file, script, shell: 'sh' }))
  }
  const isYaml = /\/(ci|cloud-init)\/.*\.ya?ml$/.test(file)
  const values = isYaml
    ? readYaml(file)
    : file.endsWith('.json')
      ? [JSON.parse(text) as unknown]
      : []
  return values.flatMap((value) => within(value, file))
}

function within(value: unknown, file: string): readonly Script[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    const script = toScript(inner)
    const isScript = script !== undefined && (KEYS.includes(key) || SHEBANG.test(script))
    return isScript ? [{ name: `${file} ${key}`, script, shell: 'bash' }] : within(inner, file)
  })
}

function toScript(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (!Array.isArray(value) || value.some((line) => typeof line !== 'string')) return undefined
  return value.join('\n')
}
