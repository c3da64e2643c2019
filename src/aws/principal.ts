/** Who mints: the parts of a mapping that decide it, or the role of a pod in their place. */

import type { PodRole } from '../domain/kubelet.ts'
import type { Mapping } from '../domain/mapping.ts'

export type Principal = Pick<Mapping, 'profile' | 'roleArn' | 'roleSessionName' | 'externalId'> & {
  readonly podRole?: PodRole
}
