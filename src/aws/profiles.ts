/** The profiles of AWS' shared files. */

import { loadSharedConfigFiles } from '@smithy/core/config'

export type Profile = Readonly<Record<string, string | undefined>>

export type Profiles = {
  /** A profile with what both files say of it, the credentials file winning. */
  readonly find: (name: string) => Profile | undefined
  readonly findSession: (name: string) => Profile | undefined
}

export async function readProfiles(): Promise<Profiles> {
  const { configFile, credentialsFile } = await loadSharedConfigFiles()
  return {
    find: (name) => {
      const [shared, own] = [configFile[name], credentialsFile[name]]
      return shared || own ? { ...shared, ...own } : undefined
    },
    findSession: (name) => configFile[`sso-session.${name}`],
  }
}

const SOURCES = [
  'aws_access_key_id',
  'role_arn',
  'source_profile',
  'credential_source',
  'web_identity_token_file',
  'credential_process',
  'sso_account_id',
  'sso_session',
  'login_session',
]

/** Whether a profile says where its credentials come from. */
export function namesSource(profile: Profile): boolean {
  return SOURCES.some((key) => profile[key] !== undefined)
}
