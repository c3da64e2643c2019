/**
 * Writes test/deploy/terraform/aws-schema.json: of the AWS provider's schema what deploy/terraform
 * uses. By hand, when it uses something new:
 *
 *     node scripts/terraform/write-schema.ts && npx prettier --write test/deploy/terraform/aws-schema.json
 *
 * The schema is read from the bindings that CDKTF generated from it, a package of 37 MB.
 */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Block, readSchema, sourceOf } from './read-bindings.ts'

const PACKAGE = '@cdktf/provider-aws@21.22.1'
const RESOURCES = [
  'appautoscaling-policy',
  'appautoscaling-target',
  'cloudwatch-log-group',
  'ecs-cluster',
  'ecs-service',
  'ecs-task-definition',
  'iam-instance-profile',
  'iam-policy',
  'iam-role',
  'iam-role-policy',
  'iam-role-policy-attachment',
  'instance',
  'lb',
  'lb-listener',
  'lb-target-group',
  'route53-record',
  'security-group',
  'vpc-endpoint',
  'vpc-security-group-egress-rule',
  'vpc-security-group-ingress-rule',
]
const DATA = ['data-aws-partition', 'data-aws-region', 'data-aws-ssm-parameter']

const folder = mkdtempSync(join(tmpdir(), 'aws-schema-'))
try {
  const archive = execFileSync('npm', ['pack', '--silent', PACKAGE], {
    cwd: folder,
    encoding: 'utf8',
  })
  execFileSync('tar', ['--extract', '--file', archive.trim()], { cwd: folder })
  const schema = {
    source: `hashicorp/aws ${versionOf(folder)}, by ${PACKAGE}`,
    resources: Object.fromEntries(RESOURCES.map(read)),
    data: Object.fromEntries(DATA.map(read)),
  }
  writeFileSync('test/deploy/terraform/aws-schema.json', JSON.stringify(schema))
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function versionOf(at: string): string {
  const readme = readFileSync(join(at, 'package/README.md'), 'utf8')
  return /hashicorp\/aws provider version ([\d.]+)/.exec(readme)![1]!
}

function read(binding: string): readonly [string, Block] {
  const javascript = readFileSync(join(folder, 'package/lib', binding, 'index.js'), 'utf8')
  const { name, block } = readSchema(sourceOf(javascript))
  return [name, block]
}
