import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { appendFile, copyFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { documented } from '../../scripts/terraform/documented.ts'
import { loggedIn, startServe } from '../commands/running.ts'
import { temporaryFolder } from '../support/folder.ts'
import { needs } from '../support/needs.ts'
import { lackOf } from '../support/installed.ts'
import { runProgram } from '../support/program.ts'
import { CNAME, emulated, eventually } from '../support/user.ts'
import { type Provider, startProvider } from './terraform/provider.ts'
import { report } from './task-definitions.ts'
import { LACK, MODULES, openModule, type Planned, TOOLS } from './terraform/tool.ts'

const NAMES = ['dns', 'iam', 'sidecar-ecs', 'endpoints', 'test-host']
const EXAMPLE = 'examples/complete'
const REGISTRY = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const REPOSITORY = 'arn:aws:ecr:us-east-1:123456789012:repository/app'
const ROLE = 'arn:aws:iam::210987654321:role/pull'

let provider: Provider
beforeAll(async () => void (provider = await startProvider()))
afterAll(async () => await provider.close())
beforeEach((context) => needs(context, LACK))

async function plan(name: string, variables: Readonly<Record<string, unknown>>): Promise<Planned> {
  return await (await openModule(TOOLS[0]!, name, provider)).plan(variables)
}

describe.each(TOOLS.map((tool) => [basename(tool), tool] as const))('to %s', (_, tool) => {
  it('all files are formatted', async () => {
    const { run } = await openModule(tool, '.', provider)
    const { stdout, exitCode } = await run('fmt', '-check', '-diff', '-recursive')
    expect([stdout, exitCode]).toEqual(['', 0])
  })

  it.each([...NAMES, EXAMPLE])('%s is valid', async (name) => {
    const { validate } = await openModule(tool, name, provider)
    expect(await validate()).toEqual([])
  })

  it.each([
    ['an argument that there is not', 'colour = "red"', /named "colour" is not expected/],
    ['a block that there is not', 'colour {\n}', /type "colour" are not expected/],
    ['a wrong type', 'multivalue_answer_routing_policy = []', /bool required/],
    ['a second of what there is one', 'alias {\n}\nalias {\n}', /No more than 1 "alias"/],
    ['an argument that is missing in a block', 'alias {\n}', /"zone_id" is required/],
    ['a reference to nothing', 'ttl = aws_route53_record.name.colour', /named "colour"/],
  ])('%s is an error', async (_fault, line, found) => {
    const { folder, validate } = await openModule(tool, 'dns', provider)
    const record = `zone_id = "Z"\nname = "a"\ntype = "A"\n${line}`
    await appendFile(join(folder, 'main.tf'), `resource "aws_route53_record" "a" {\n${record}\n}\n`)
    expect((await validate()).join('\n')).toMatch(found)
  })

  it('an argument that is missing is an error', async () => {
    const { folder, validate } = await openModule(tool, 'dns', provider)
    await appendFile(join(folder, 'main.tf'), 'resource "aws_route53_record" "a" {\n}\n')
    expect((await validate()).join('\n')).toMatch(/"zone_id" is required/)
  })

  it('the example has a plan', async () => {
    const { folder, plan: planOf } = await openModule(tool, EXAMPLE, provider)
    await copyFile(join(folder, 'terraform.tfvars.example'), join(folder, 'terraform.tfvars'))
    const { of, outputs } = await planOf({})
    expect(outputs).toMatchObject({
      pull: 'docker pull docker.company.com/app',
      mapping: `docker.company.com=${REGISTRY}`,
    })
    expect(of('module.dns.aws_route53_record.name')).toMatchObject({ type: 'A' })
    expect(of('module.test_host.aws_instance.this')['user_data']).not.toContain('ecr-cname serve')
  })
})

describe('dns', () => {
  const variables = { zone_id: 'Z1', name: CNAME, registry: REGISTRY }

  it('makes the name a CNAME of the registry, and says the registry beside it', async () => {
    const { of } = await plan('dns', variables)
    expect(of('aws_route53_record.name')).toMatchObject({
      name: CNAME,
      type: 'CNAME',
      records: [REGISTRY],
      ttl: 300,
      alias: [],
    })
    expect(of('aws_route53_record.registry')).toMatchObject({
      name: `_ecr-cname.${CNAME}`,
      type: 'TXT',
      records: [`registry=${REGISTRY}`],
    })
  })

  it('makes it an alias of what stands before the registry', async () => {
    const alias = { dns_name: 'ecr-cname-1.elb.us-east-1.amazonaws.com', zone_id: 'Z2' }
    const { of } = await plan('dns', { ...variables, alias })
    const { type, ttl, records, alias: aliases } = of('aws_route53_record.name')
    expect({ type, ttl, records }).toEqual({ type: 'A', ttl: null, records: null })
    expect(aliases).toEqual([{ name: alias.dns_name, zone_id: 'Z2', evaluate_target_health: true }])
  })

  it.each([
    [{ name: 'https://docker.company.com' }, /whole host name/],
    [{ name: 'docker.company.com.' }, /whole host name/],
    [{ registry: 'docker.io' }, /a host of ECR/],
    [{ ttl: 0 }, /from 1 to 86400/],
  ])('refuses %j', async (wrong, why) => {
    await expect(plan('dns', { ...variables, ...wrong })).rejects.toThrow(why)
  })
})

describe('iam', () => {
  type Statement = {
    readonly Action: readonly string[]
    readonly Resource: readonly string[]
    readonly Condition?: unknown
  }

  async function statements(variables: Readonly<Record<string, unknown>>): Promise<Statement[]> {
    const { of } = await plan('iam', variables)
    const { Statement } = JSON.parse(String(of('aws_iam_policy.this')['policy'])) as {
      readonly Statement: Statement[]
    }
    return Statement
  }
  const token = { Action: ['ecr:GetAuthorizationToken'], Resource: ['*'] }
  const read = [
    'ecr:BatchCheckLayerAvailability',
    'ecr:BatchGetImage',
    'ecr:GetDownloadUrlForLayer',
  ]
  const write = [
    'ecr:CompleteLayerUpload',
    'ecr:InitiateLayerUpload',
    'ecr:PutImage',
    'ecr:UploadLayerPart',
  ]

  it.each([
    ['nothing but a token', {}, []],
    ['pulls', { pull: [REPOSITORY] }, [{ Action: read, Resource: [REPOSITORY] }]],
    ['pushes', { push: [REPOSITORY] }, [{ Action: [...read, ...write], Resource: [REPOSITORY] }]],
    [
      'the creation of repositories',
      { create: [REPOSITORY] },
      [
        {
          Action: ['ecr:CreateRepository', 'ecr:DescribeRepositories', 'ecr:TagResource'],
          Resource: [REPOSITORY],
        },
      ],
    ],
    [
      'counts in one namespace',
      { cloudwatch_namespace: 'Custom/ecr-cname' },
      [
        {
          Action: ['cloudwatch:PutMetricData'],
          Resource: ['*'],
          Condition: { StringEquals: { 'cloudwatch:namespace': 'Custom/ecr-cname' } },
        },
      ],
    ],
    [
      'a role of another account',
      { assume: [ROLE] },
      [{ Action: ['sts:AssumeRole'], Resource: [ROLE] }],
    ],
  ])('allows %s', async (_, variables, allowed) => {
    const found = await statements(variables)
    expect(
      found.map(({ Action, Resource, Condition }) => ({ Action, Resource, Condition })),
    ).toEqual([token, ...allowed].map((statement) => ({ Condition: undefined, ...statement })))
  })

  it('lets EC2 take the role, by a profile, and nobody else', async () => {
    const { of, outputs } = await plan('iam', {})
    expect(JSON.parse(String(of('aws_iam_role.this')['assume_role_policy']))).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: 'sts:AssumeRole',
          Principal: { Service: ['ec2.amazonaws.com'] },
        },
      ],
    })
    expect(outputs['instance_profile_name']).toBe('ecr-cname')
  })

  it('lets another account take the role, by an external id', async () => {
    const trust = { trusted_services: [], trusted_principals: [ROLE], external_id: 'x' }
    const { of } = await plan('iam', trust)
    expect(JSON.parse(String(of('aws_iam_role.this')['assume_role_policy']))).toMatchObject({
      Statement: [
        { Principal: { AWS: [ROLE] }, Condition: { StringEquals: { 'sts:ExternalId': 'x' } } },
      ],
    })
  })

  it.each([
    [{ pull: ['*'] }, /ARN of a repository/],
    [{ assume: ['pull'] }, /ARN of a role/],
    [{ trusted_principals: ['*'] }, /would let anyone in/],
    [{ trusted_services: [] }, /Nobody could take the role/],
    [{ cloudwatch_namespace: '' }, /namespace must be/],
  ])('refuses %j', async (wrong, why) => {
    await expect(plan('iam', wrong)).rejects.toThrow(why)
  })
})

describe('sidecar-ecs', () => {
  beforeEach((context) => needs(context, lackOf('aws', 'awscli')))

  const variables = {
    registries: { [CNAME]: REGISTRY },
    image: 'ecr-cname:0.1.0',
    secret_arn: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:tls-AbCdEf',
    vpc_id: 'vpc-1',
    load_balancer_subnet_ids: ['subnet-1'],
    task_subnet_ids: ['subnet-1'],
    client_cidrs: ['10.0.0.0/8'],
  }
  const inject = { auth: 'inject', admit: ['clients', 'clientCa'], task_role_arn: ROLE }

  type Container = {
    readonly name: string
    readonly command: readonly string[]
    readonly secrets: readonly { readonly name: string; readonly valueFrom: string }[]
  }

  async function containers(
    more: object,
  ): Promise<readonly [files: Container, sidecar: Container]> {
    const { of } = await plan('sidecar-ecs', { ...variables, ...more })
    const { container_definitions: text } = of('aws_ecs_task_definition.this')
    return JSON.parse(String(text)) as readonly [Container, Container]
  }

  it('has a task definition that the AWS CLI would send', async () => {
    const containerDefinitions = await containers({})
    expect(report(JSON.stringify({ family: 'ecr-cname', containerDefinitions }))).toBe('')
  })

  it('hands TLS through to the tasks', async () => {
    const { of } = await plan('sidecar-ecs', variables)
    expect(of('aws_lb_listener.this')).toMatchObject({ protocol: 'TCP', port: 443 })
    expect(of('aws_lb_target_group.this')).toMatchObject({
      protocol: 'TCP',
      port: 8443,
      health_check: [{ protocol: 'HTTP', port: '9100', path: '/readyz' }],
    })
  })

  it('ends TLS at the load balancer with a certificate of ACM, and begins it anew', async () => {
    const arn = 'arn:aws:acm:us-east-1:123456789012:certificate/1'
    const { of } = await plan('sidecar-ecs', { ...variables, acm_certificate_arn: arn })
    expect(of('aws_lb_listener.this')).toMatchObject({ protocol: 'TLS', certificate_arn: arn })
    expect(of('aws_lb_target_group.this')).toMatchObject({ protocol: 'TLS' })
  })

  it('writes the secret into files from which the sidecar serves, by flags that it takes', async () => {
    const [files, sidecar] = await containers({ ...inject, arguments: ['--read-only'] })
    const emulator = await emulated()
    const folder = temporaryFolder()
    const { certFile, keyFile } = emulator.certificate([CNAME])
    const secret: Record<string, string> = {
      certificate: readFileSync(certFile, 'utf8'),
      key: readFileSync(keyFile, 'utf8'),
      clientCa: readFileSync(emulator.caFile, 'utf8'),
      clients: 'alice:$2y$05$4mVj8Qe4rX4Z4cY0hA0m0uJ3m6m9w9m3dJv2x1yq3b5n7k9p1r3tS',
    }
    expect(files.secrets.map(({ name }) => name).sort()).toEqual(Object.keys(secret).sort())
    for (const { name, valueFrom } of files.secrets) {
      expect(valueFrom).toBe(`${variables.secret_arn}:${name}::`)
    }
    const here = (text: string) => text.replace(' /tmp', '').replaceAll('/tls', folder)
    const script = here(files.command[0]!).replace('65532:65532', String(process.getuid?.()))
    const written = await runProgram(['sh', '-euc', script], { env: secret })
    expect(written).toMatchObject({ exitCode: 0, stderr: '' })

    const [serve, ...args] = sidecar.command
    const asked = args.indexOf('--registry')
    expect([serve, ...args.splice(asked, 2)]).toEqual([
      'serve',
      '--registry',
      `${CNAME}=${REGISTRY}`,
    ])
    const flags = args.map((arg) => here(arg).replace(/^(0\.0\.0\.0):\d+$/, '$1:0'))
    const { events, stop, exitCode } = startServe(emulator, flags, loggedIn(emulator))
    await eventually(() => events.some(({ message }) => message === 'listening'))
    const { admin } = events.find(({ message }) => message === 'listening')!
    // The load balancer asks by the task's address. This process does not trust the emulated ECR.
    const headers = { host: '10.0.0.5:9100' }
    const url = `http://127.0.0.1:${new URL(String(admin)).port}/readyz`
    const well = async () => {
      const { checks } = (await (await fetch(url, { headers })).json()) as {
        readonly checks: readonly { readonly check: string; readonly ok: boolean }[]
      }
      return checks.filter(({ ok }) => ok).map(({ check }) => check)
    }
    await expect.poll(well).toEqual(['token', 'certificate'])
    stop()
    expect(await exitCode).toBe(0)
  })

  it.each([
    [{ auth: 'inject', task_role_arn: ROLE }, /say by admit who may/],
    [{ admit: ['clients'] }, /admit is for "inject" alone/],
    [{ ...inject, task_role_arn: null }, /needs a task_role_arn/],
    [{ cloudwatch_namespace: 'a' }, /needs a task_role_arn/],
    [{ ...inject, acm_certificate_arn: 'arn:aws:acm:::1' }, /don't come through a load balancer/],
    [{ registries: {} }, /At least one name/],
    [{ registries: { a: 'docker.io' } }, /a host of ECR/],
    [{ client_cidrs: ['10.0.0.0'] }, /CIDR/],
    [{ tasks: { min: 3, max: 2 } }, /no fewer than the least/],
    [{ name: 'Sidecar' }, /lower-case/],
    [{ cpu: 100 }, /Fargate knows/],
  ])('refuses %j', async (wrong, why) => {
    await expect(plan('sidecar-ecs', { ...variables, ...wrong })).rejects.toThrow(why)
  })
})

describe('endpoints', () => {
  const variables = {
    vpc_id: 'vpc-1',
    subnet_ids: ['subnet-1'],
    route_table_ids: ['rtb-1'],
    client_cidrs: ['10.0.0.0/8'],
  }

  it('are those of the API and of the registry, and a gateway to the bucket of layers', async () => {
    const { of } = await plan('endpoints', { ...variables, more_services: ['sts'] })
    for (const service of ['ecr.api', 'ecr.dkr', 'sts']) {
      expect(of(`aws_vpc_endpoint.interface["${service}"]`)).toMatchObject({
        service_name: `com.amazonaws.us-east-1.${service}`,
        vpc_endpoint_type: 'Interface',
        private_dns_enabled: true,
      })
    }
    const { policy, ...gateway } = of('aws_vpc_endpoint.s3')
    expect(gateway).toMatchObject({ vpc_endpoint_type: 'Gateway', route_table_ids: ['rtb-1'] })
    expect(JSON.parse(String(policy))).toMatchObject({
      Statement: [
        {
          Action: ['s3:GetObject'],
          Resource: ['arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*'],
        },
      ],
    })
  })

  it.each([
    [{ route_table_ids: [] }, /no layer can be pulled/],
    [{ client_cidrs: [] }, /CIDR/],
    [{ more_buckets: ['packages'] }, /ARN of a bucket/],
  ])('refuse %j', async (wrong, why) => {
    await expect(plan('endpoints', { ...variables, ...wrong })).rejects.toThrow(why)
  })
})

describe('test-host', () => {
  beforeEach((context) => needs(context, lackOf('shellcheck')))

  const variables = {
    host_name: CNAME,
    mapping: { registry: REGISTRY, roleArn: ROLE },
    repository: 'team/app:1.0',
    release_url: 'https://releases.company.test/ecr-cname.tar.gz?X-Amz-Expires=60&a=b',
    release_sha256: '0'.repeat(64),
    instance_profile_name: 'ecr-cname',
    vpc_id: 'vpc-1',
    subnet_id: 'subnet-1',
  }

  it.each([true, false])(
    'starts with a script that bash reads, local sidecar %s',
    async (local) => {
      const { of } = await plan('test-host', { ...variables, local_sidecar: local })
      const script = String(of('aws_instance.this')['user_data'])
      const { stdout } = spawnSync('shellcheck', ['-'], { input: script, encoding: 'utf8' })
      expect(stdout).toBe('')
      expect(script.includes('ecr-cname serve')).toBe(local)
      expect(script).toContain(`'${variables.release_url}'`)
      expect(JSON.parse(/<<'JSON'\n(.*)\nJSON/.exec(script)?.[1] ?? '')).toEqual({
        registries: { [CNAME]: { registry: REGISTRY, roleArn: ROLE } },
      })
    },
  )

  it('keeps its role from containers', async () => {
    const { of } = await plan('test-host', variables)
    expect(of('aws_instance.this')).toMatchObject({
      iam_instance_profile: 'ecr-cname',
      metadata_options: [{ http_tokens: 'required', http_put_response_hop_limit: 1 }],
    })
  })

  it.each([
    [{ release_url: "https://a/'; rm -rf /" }, /by https/],
    [{ release_url: 'http://a/b' }, /by https/],
    [{ release_sha256: 'abc' }, /64 hexadecimal/],
    [{ repository: "app'" }, /name in the registry/],
    [{ host_name: "a'b.com" }, /whole host name/],
  ])('refuses %j', async (wrong, why) => {
    await expect(plan('test-host', { ...variables, ...wrong })).rejects.toThrow(why)
  })
})

describe('the README', () => {
  const trimmed = (row: string) => row.replaceAll(/\s*\|\s*/g, '|')
  const readme = readFileSync(join(MODULES, 'README.md'), 'utf8').split('\n').map(trimmed)

  it.each(NAMES)('lists what %s takes and gives, as its files describe it', (name) => {
    const { inputs, outputs } = documented(name)
    expect(inputs.length + outputs.length).toBeGreaterThan(4)
    expect([...inputs, ...outputs].map(trimmed).filter((row) => !readme.includes(row))).toEqual([])
  })
})
