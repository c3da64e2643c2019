/** `setup dcos`: helper and archive on an agent, or what Marathon needs to have them put on all. */

import { archiveConfig } from '../../io/docker-archive.ts'
import { marathonFiles } from '../../setup/marathon.ts'
import { contentOf } from '../../setup/plan.ts'
import { ownHelper, ownProgram } from '../../setup/programs.ts'
import { allMappingsOf, forServices } from './names.ts'
import type { Planned, Setting } from './setting.ts'

// On the PATH of what pulls for Mesos.
const PROGRAMS = '/opt/mesosphere/bin'
const ARCHIVE = '/etc/docker.tar.gz'

export async function dcos(setting: Setting): Promise<Planned> {
  const { place, flags, world } = setting
  if (flags.marathon !== undefined) return forMarathon(flags.marathon, setting)
  const archive = place.at(ARCHIVE)
  const content = Buffer.from(await archiveConfig('{"credsStore":"ecr-cname"}\n'))
  const isOther = !(contentOf(archive)?.equals(content) ?? true)
  return {
    plan: {
      changes: [
        {
          path: place.at(`${PROGRAMS}/ecr-cname`),
          content: ownProgram(world.self, place.isHere),
          mode: 0o755,
        },
        {
          path: place.at(`${PROGRAMS}/docker-credential-ecr-cname`),
          content: ownHelper(world.self, world.env),
          mode: 0o755,
        },
        ...forServices(allMappingsOf(setting), setting),
        { path: archive, content, mode: 0o644 },
      ],
      notes: isOther ? [`${archive} is replaced; logins in it are no longer read`] : [],
      commands: [],
    },
  }
}

function forMarathon(folder: string, setting: Setting): Planned {
  const mappings = allMappingsOf(setting).filter(({ name }) => !name.startsWith('*.'))
  const files = marathonFiles({ image: setting.flags.image ?? 'ecr-cname', mappings })
  const at = (name: string) => `${folder}/${name}`
  return {
    plan: {
      changes: Object.entries(files).map(([name, value]) => ({
        path: at(name),
        content: Buffer.from(`${JSON.stringify(value, null, 2)}\n`),
        mode: 0o644,
      })),
      notes: [
        'the image has to be one that agents can pull before they have the helper, with ecr-cname as its entry point',
      ],
      commands: [
        `dcos marathon app add ${at('ecr-helper.json')}`,
        'dcos marathon app update /aws-ecr-helper instances=AGENTS, and instances=0 when each has had it',
        `aws iam put-role-policy --role-name AGENTS_ROLE --policy-name ecr-pull --policy-document file://${at('agent-policy.json')}`,
        `dcos marathon app add ${at('nginx-example.json')}`,
      ],
    },
  }
}
