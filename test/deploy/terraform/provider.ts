/**
 * An AWS provider without AWS: Terraform's plugin protocol 5 over gRPC, with the provider's schema as
 * it stands in aws-schema.json. So `validate` and `plan` check our modules as with the real one, as far
 * as the schema goes. What AWS would find out later is unknown in plans.
 * Protocol: https://github.com/hashicorp/terraform/blob/v1.11.4/docs/plugin-protocol/tfplugin5.proto
 */

import { createServer, type ServerHttp2Stream } from 'node:http2'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { Attribute, Block, NestedBlock } from '../../../scripts/terraform/read-bindings.ts'
import { fieldOf, message } from './protobuf.ts'
import { fillNulls, packText, UNKNOWN } from './msgpack.ts'

type Schemas = { readonly [type: string]: Block }

const { resources, data } = JSON.parse(
  readFileSync(new URL('aws-schema.json', import.meta.url), 'utf8'),
) as { readonly resources: Schemas; readonly data: Schemas }

const PROVIDER: Block = {
  attributes: { region: ['string', 'optional'], profile: ['string', 'optional'] },
}
/** What data sources answer; every other result is its own name. */
const ANSWERS: { readonly [name: string]: string } = {
  region: 'us-east-1',
  partition: 'aws',
  dns_suffix: 'amazonaws.com',
}

/** A provider that runs, and what Terraform has to be told to use it. */
export type Provider = {
  readonly env: { readonly TF_REATTACH_PROVIDERS: string }
  readonly close: () => Promise<void>
}

/** Starts it in this process. */
export async function startProvider(): Promise<Provider> {
  const folder = mkdtempSync(join(tmpdir(), 'aws-provider-'))
  const address = join(folder, 'socket')
  const server = createServer()
  const sessions = new Set<{ readonly destroy: () => void }>()
  server.on('session', (session) => sessions.add(session))
  server.on(
    'stream',
    (stream, headers) => void reply(stream as ServerHttp2Stream, headers[':path'] ?? ''),
  )
  await new Promise<void>((resolve) => void server.listen(address, resolve))
  const running = {
    Protocol: 'grpc',
    ProtocolVersion: 5,
    Pid: process.pid,
    Test: true,
    Addr: { Network: 'unix', String: address },
  }
  const names = ['registry.terraform.io/hashicorp/aws', 'registry.opentofu.org/hashicorp/aws']
  const reattach = Object.fromEntries(names.map((name) => [name, running]))
  return {
    env: { TF_REATTACH_PROVIDERS: JSON.stringify(reattach) },
    async close() {
      sessions.forEach((session) => session.destroy())
      await new Promise((resolve) => void server.close(resolve))
      rmSync(folder, { recursive: true })
    },
  }
}

const CALLS: { readonly [path: string]: (request: Buffer) => Buffer } = {
  GetSchema: () =>
    message(
      [1, schema(PROVIDER)],
      ...Object.entries(resources).map(([type, block]) => [2, named(type, block)] as const),
      ...Object.entries(data).map(([type, block]) => [3, named(type, block)] as const),
    ),
  // The configuration is the first field of both.
  PrepareProviderConfig: (request) => request,
  Configure: () => message(),
  ValidateResourceTypeConfig: () => message(),
  ValidateDataSourceConfig: () => message(),
  Stop: () => message(),
  PlanResourceChange(request) {
    const { attributes } = resources[fieldOf(request, 1)!.toString()]!
    const proposed = fieldOf(fieldOf(request, 3)!, 1)!
    const planned = fillNulls(proposed, (name) =>
      isComputed(attributes[name]) ? UNKNOWN : undefined,
    )
    return message([1, message([1, planned])], [5, 1])
  },
  ReadDataSource(request) {
    const { attributes } = data[fieldOf(request, 1)!.toString()]!
    const asked = fieldOf(fieldOf(request, 2)!, 1)!
    const answer = fillNulls(asked, (name) =>
      attributes[name]?.[0] === 'string' ? packText(ANSWERS[name] ?? name) : undefined,
    )
    return message([1, message([1, answer])])
  },
}

async function reply(stream: ServerHttp2Stream, path: string): Promise<void> {
  const call = CALLS[path.replace('/tfplugin5.Provider/', '')]
  const type = { 'content-type': 'application/grpc' }
  if (!call) {
    stream.respond({ ...type, 'grpc-status': 12 }, { endStream: true })
    return
  }
  const answer = call((await buffer(stream)).subarray(5))
  stream.respond(type, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': 0 }))
  const head = Buffer.alloc(5)
  head.writeUInt32BE(answer.length, 1)
  stream.end(Buffer.concat([head, answer]))
}

function named(type: string, block: Block): Buffer {
  return message([1, type], [2, schema(block)])
}

function schema(block: Block): Buffer {
  return message([2, blockOf(block)])
}

function blockOf({ attributes, blocks = {} }: Block): Buffer {
  return message(
    ...Object.entries(attributes).map(
      ([name, attribute]) => [2, attributeOf(name, attribute)] as const,
    ),
    ...Object.entries(blocks).map(([name, nested]) => [3, nestedOf(name, nested)] as const),
  )
}

function attributeOf(name: string, [type, given]: Attribute): Buffer {
  const flags = { required: 4, optional: 5, computed: 6 }
  const set = given.split(' ').map((flag) => [flags[flag as keyof typeof flags], 1] as const)
  return message([1, name], [2, JSON.stringify(type)], ...set)
}

function nestedOf(name: string, { nesting, min = 0, max = 0, ...block }: NestedBlock): Buffer {
  const mode = { single: 1, list: 2, set: 3 }[nesting]
  return message([1, name], [2, blockOf(block)], [3, mode], [4, min], [5, max])
}

function isComputed(attribute: Attribute | undefined): boolean {
  return attribute !== undefined && attribute[1].includes('computed')
}
