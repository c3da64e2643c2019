/** Where the files of this program and of AWS stand, as the environment tells it. */

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The user's home, or "" where there is none, as under systemd or kubelet. */
export function homeFolder(env: Environment): string {
  return absolute(env['HOME']) || absolute(env['USERPROFILE'])
}

/** The store: tokens and logins. */
export function storeFolder(env: Environment): string {
  const named = env['ECR_CNAME_HOME'] ?? ''
  if (named !== '') return named
  const cache = absolute(env['XDG_CACHE_HOME'])
  if (cache !== '') return `${cache}/ecr-cname`
  const home = homeFolder(env)
  return home === '' ? '/var/lib/ecr-cname' : `${home}/.cache/ecr-cname`
}

/** The configuration's files, the later ones winning. */
export function configFiles(env: Environment): string[] {
  const only = env['ECR_CNAME_CONFIG'] ?? ''
  if (only !== '') return [only]
  const system = '/etc/ecr-cname/config.json'
  const own = absolute(env['XDG_CONFIG_HOME'])
  if (own !== '') return [system, `${own}/ecr-cname/config.json`]
  const home = homeFolder(env)
  return home === '' ? [system] : [system, `${home}/.config/ecr-cname/config.json`]
}

/** AWS' shared files, credentials and config, where the AWS SDK looks; none without a home. */
export function awsFiles(env: Environment): string[] {
  const home = env['HOME'] || env['USERPROFILE'] || ''
  const credentials = env['AWS_SHARED_CREDENTIALS_FILE'] || ''
  const config = env['AWS_CONFIG_FILE'] || ''
  if (home === '' && (credentials === '' || config === '')) return []
  return [credentials || `${home}/.aws/credentials`, config || `${home}/.aws/config`]
}

// A relative folder would mean another store in every working directory.
function absolute(path: string | undefined): string {
  const given = path ?? ''
  return given.startsWith('/') || /^[A-Za-z]:[\\/]/.test(given) ? given : ''
}
