/** What the AWS CLI would say of a task definition before it sends it to ECS. */

import { spawnSync } from 'node:child_process'

// It tells of unknown parameters too.
const VALIDATE = `
import json, sys
from awscli.botocore import session, validate
service = session.get_session().get_service_model("ecs")
shape = service.operation_model("RegisterTaskDefinition").input_shape
print(validate.ParamValidator().validate(json.load(sys.stdin), shape).generate_report())`

/** What is wrong with it; empty where nothing is. */
export function report(definition: string): string {
  const ended = spawnSync('/usr/bin/python3', ['-c', VALIDATE], {
    input: definition,
    encoding: 'utf8',
  })
  if (ended.status !== 0) throw new Error(ended.stderr)
  return ended.stdout.trim()
}
