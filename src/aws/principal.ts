/** Who mints: the parts of a mapping that decide it. */

import type { Mapping } from '../domain/mapping.ts'

export type Principal = Pick<Mapping, 'profile' | 'roleArn' | 'roleSessionName' | 'externalId'>
