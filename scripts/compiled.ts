/** A CommonJS bundle, run with the code that V8 kept of an earlier run. */

import { Script } from 'node:vm'

/** The bundle as a script. Code of another V8 is passed over. */
export function toScript(bundle: string, cachedData: Buffer | undefined): Script {
  const source = `(function (exports, require, module) {${bundle}\n})`
  return new Script(source, { filename: 'bundle.cjs', ...(cachedData ? { cachedData } : {}) })
}

/** Runs the script, which loads nothing but Node's own modules. */
export function load(script: Script): unknown {
  const module = { exports: {} }
  const wrapper = script.runInThisContext() as (...context: unknown[]) => void
  wrapper(module.exports, requireOwn, module)
  return module.exports
}

function requireOwn(name: string): unknown {
  const own = process.getBuiltinModule(name) as unknown
  if (own === undefined) throw new Error(`${name} is not in this program`)
  return own
}
