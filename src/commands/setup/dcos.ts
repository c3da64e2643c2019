/** `setup dcos`: helper and archive on an agent, or what Marathon needs to have them put on all. */

import { archiveConfig } from '../../io/docker-archive.ts'
import { planMarathon } from '../../setup/marathon.ts'
import { contentOf } from '../../setup/plan.ts'
import { ownHelper, ownProgram } from '../../setup/programs.ts'
import { allMappingsOf, forServices } from './names.ts'
import type { Planned, Setting } from './setting.ts'

// On the PATH of what pulls for Mesos.
const PROGRAMS = '/opt/mesosphere/bin'
const ARCHIVE = '/etc/docker.tar.gz'

export async function dcos(setting: Setting): Promise<Planned> {
  const { place, flags, world } = setting
  const mappings = allMappingsOf(setting)
  if (flags.marathon !== undefined) {
    const { image = 'ecr-cname', marathon } = flags
    const plain = mappings.filter(({ name }) => !name.startsWith('*.'))
    return { plan: planMarathon(marathon, { image, mappings: plain }) }
  }
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
        ...forServices(mappings, setting),
        { path: archive, content, mode: 0o644 },
      ],
      notes: isOther ? [`${archive} is replaced; logins in it are no longer read`] : [],
      commands: [],
    },
  }
}
