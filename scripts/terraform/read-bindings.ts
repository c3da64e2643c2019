/** The schema of a resource, out of the TypeScript that CDKTF generated from the provider's own. */

/** A type as Terraform's plugins tell it. */
export type Type = string | readonly [string, Type | { readonly [name: string]: Type }]

/** What an argument or a result is, and who gives it. */
export type Attribute = readonly [Type, 'required' | 'optional' | 'computed' | 'optional computed']

export type Block = {
  readonly attributes: { readonly [name: string]: Attribute }
  readonly blocks?: { readonly [name: string]: NestedBlock }
}

export type NestedBlock = Block & {
  readonly nesting: 'single' | 'list' | 'set'
  readonly min?: number
  readonly max?: number
}

/** The generated source, which stands in the source map of the package's JavaScript. */
export function sourceOf(javascript: string): string {
  const [, map] = /sourceMappingURL=data:application\/json;base64,(.+)$/m.exec(javascript) ?? []
  const { sourcesContent } = JSON.parse(Buffer.from(map ?? '', 'base64').toString()) as {
    readonly sourcesContent: readonly string[]
  }
  return sourcesContent[0]!
}

/** The schema of the one resource or data source of a generated source. */
export function readSchema(source: string): { readonly name: string; readonly block: Block } {
  const [, kind] = /export class (\w+) extends cdktf\.Terraform(?:Resource|DataSource)/.exec(
    source,
  )!
  const [, name] = /tfResourceType = "(\w+)"/.exec(source)!
  return { name: name!, block: readBlock(kind!, source) }
}

function readBlock(kind: string, source: string): Block {
  const [, body = ''] =
    new RegExp(`export class ${kind} extends (.*?)\n}\n`, 's').exec(source) ?? []
  const members = body.split(/\n {2}\/\/ (?=\w+ - computed: )/).slice(1)
  const attributes: Record<string, Attribute> = {}
  const blocks: Record<string, NestedBlock> = {}
  for (const member of members) {
    const [, name, ...flags] = /^(\w+) - computed: (\w+), optional: (\w+), required: (\w+)/.exec(
      member,
    )!
    const [isComputed, isOptional, isRequired] = flags.map((flag) => flag === 'true')
    const given = isRequired
      ? 'required'
      : ([isOptional && 'optional', isComputed && 'computed']
          .filter(Boolean)
          .join(' ') as 'optional')
    const nested = /= new ([A-Z]\w+)\(this, "\w+"(?:, (true|false))?\)/.exec(member)
    if (!nested) attributes[name!] = [typeOf(member), given]
    else if (isComputed) attributes[name!] = [objectType(nested, source), given]
    else blocks[name!] = nestedBlock(nested, isRequired === true, source)
  }
  return { attributes, ...(Object.keys(blocks).length > 0 && { blocks }) }
}

function nestedBlock(
  [, kind, isSet]: RegExpExecArray,
  isRequired: boolean,
  source: string,
): NestedBlock {
  const inner = readBlock(kind!.replace(/List$/, 'OutputReference'), source)
  const min = isRequired ? { min: 1 } : {}
  if (kind!.endsWith('List'))
    return { nesting: isSet === 'true' ? 'set' : 'list', ...min, ...inner }
  if (kind!.endsWith('TimeoutsOutputReference')) return { nesting: 'single', ...inner }
  return { nesting: 'list', ...min, max: 1, ...inner }
}

function objectType([, kind, isSet]: RegExpExecArray, source: string): Type {
  const { attributes } = readBlock(kind!.replace(/List$/, 'OutputReference'), source)
  const types = Object.entries(attributes).map(([name, [type]]) => [name, type] as const)
  return [isSet === 'true' ? 'set' : 'list', ['object', Object.fromEntries(types)]]
}

const STRINGS: Type = ['map', 'string']
const GETTERS: { readonly [getter: string]: Type } = {
  getStringAttribute: 'string',
  getNumberAttribute: 'number',
  getBooleanAttribute: 'bool',
  getListAttribute: ['list', 'string'],
  getNumberListAttribute: ['list', 'number'],
  getStringMapAttribute: STRINGS,
}
function typeOf(member: string): Type {
  const [, fn, getter = ''] =
    /return (cdktf\.Fn\.tolist\()?this\.(get\w+Attribute)\(/.exec(member) ?? []
  const type = member.includes('new cdktf.StringMap(') ? STRINGS : GETTERS[getter]
  if (type === undefined) throw new TypeError(member)
  return fn !== undefined && typeof type !== 'string' ? (['set', type[1]] as Type) : type
}
