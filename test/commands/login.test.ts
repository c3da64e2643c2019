import { describe, expect, it } from 'vitest'
import { CNAME, ECR, emulated, mints, newUser, writeTree } from '../support/user.ts'
import { ecrCname, has, install, read } from './people.ts'

const ENGINES = ['docker', 'podman', 'nerdctl', 'buildah', 'skopeo', 'oras', 'helm']
// Keeps what it is given, to be looked at: arguments, stdin and environment.
const RECORDER = `
folder=$HOME/seen/$(basename "$0"); mkdir -p "$folder"
printf '%s\\n' "$*" >>"$folder/args"
cat >>"$folder/stdin"
env >>"$folder/env"
echo 'WARNING! Your password will be stored unencrypted' >&2
echo 'Login Succeeded'`

async function withEngines(...names: readonly string[]) {
  const emulator = await emulated()
  const user = newUser(emulator)
  user.configure({ registries: { [CNAME]: ECR } })
  install(user, Object.fromEntries(names.map((name) => [name, RECORDER])))
  return { emulator, user }
}

describe('login', () => {
  it.each(ENGINES)('logs %s in, with the token on its stdin and nowhere else', async (name) => {
    const { user } = await withEngines(name)
    const { exitCode, stdout, stderr } = await ecrCname(user, ['login', '--tool', name, CNAME])
    const secret = await user.secret()

    expect(exitCode).toBe(0)
    expect(stdout).toMatch(`${name}: logged in to ${CNAME} as AWS for 1`)
    expect(stderr).toContain('stored unencrypted')
    const verb = name === 'helm' ? 'registry login' : 'login'
    expect(read(user, `seen/${name}/args`)).toBe(
      `${verb} --username AWS --password-stdin ${CNAME}\n`,
    )
    expect(read(user, `seen/${name}/stdin`)).toBe(secret)
    const env = read(user, `seen/${name}/env`)
    expect(env).not.toContain(secret)
    expect(env).not.toContain(user.env['AWS_SECRET_ACCESS_KEY'])
    expect(env).toContain('AWS_REGION=')
    expect(stdout + stderr).not.toContain(secret)
  })

  it('says that the clock may be wrong where a new token has expired already', async () => {
    const { user, emulator } = await withEngines('oras')
    emulator.settings.tokenSeconds = -3600
    const { exitCode, stdout, stderr } = await ecrCname(user, ['login', CNAME])

    expect([exitCode, stdout]).toEqual([0, `oras: logged in to ${CNAME} as AWS\n`])
    expect(stderr).toContain(
      `ecr-cname: ${CNAME}: a new token has expired already: this machine's clock may be wrong\n`,
    )
  })

  it('takes the first engine in its own order that is on PATH', async () => {
    const { user } = await withEngines('skopeo', 'podman', 'helm')
    const { stdout } = await ecrCname(user, ['login', CNAME])

    expect(stdout).toContain('podman: logged in')
    expect(has(user, 'seen/skopeo')).toBe(false)
  })

  it('logs several engines in to several hosts, with one token for each host', async () => {
    const { user, emulator } = await withEngines('oras', 'helm')
    const { exitCode, stdout } = await ecrCname(user, [
      'login',
      '--tool=oras',
      '--tool=helm',
      CNAME,
      ECR,
    ])

    expect(exitCode).toBe(0)
    expect(stdout.match(/logged in/g)).toHaveLength(4)
    expect(mints(emulator)).toBe(2)
  })

  it('finds the account of the caller for a region', async () => {
    const { user } = await withEngines('oras')
    await ecrCname(user, ['login', '--tool', 'oras', '--region', 'eu-west-1'])

    expect(read(user, 'seen/oras/args')).toContain('123456789012.dkr.ecr.eu-west-1.amazonaws.com')
  })

  it('finds the region of the environment for an account', async () => {
    const { user } = await withEngines('oras')
    await ecrCname(user, ['login', '--tool', 'oras', '--account', '210987654321'])

    expect(read(user, 'seen/oras/args')).toContain('210987654321.dkr.ecr.us-east-1.amazonaws.com')
  })

  it.each([
    ['docker', '.docker/config.json', { credsStore: 'ecr-cname' }, 'credsStore'],
    ['nerdctl', '.docker/config.json', { credHelpers: { [CNAME]: 'ecr-cname' } }, 'credHelpers'],
    [
      'podman',
      '.config/containers/auth.json',
      { credHelpers: { [CNAME]: 'ecr-cname' } },
      'credHelpers',
    ],
    ['helm', '.config/helm/registry/config.json', { credsStore: 'ecr-cname' }, 'credsStore'],
  ])('does nothing for %s where our helper answers already', async (name, file, config, key) => {
    const { user, emulator } = await withEngines(name)
    writeTree(user.home, { [file]: JSON.stringify(config) })
    const { exitCode, stdout } = await ecrCname(user, ['login', '--tool', name, CNAME])

    expect(exitCode).toBe(0)
    expect(stdout).toContain(`nothing to do for ${CNAME}`)
    expect(stdout).toContain(`${key} in ${user.home}/${file}`)
    expect(has(user, `seen/${name}`)).toBe(false)
    expect(mints(emulator)).toBe(0)
  })

  it('says that another identity is not what our helper answers with', async () => {
    const { user } = await withEngines('docker')
    writeTree(user.home, { '.docker/config.json': '{"credsStore":"ecr-cname"}' })
    const role = ['--role-arn', 'arn:aws:iam::123456789012:role/push']
    const { exitCode, stdout, stderr } = await ecrCname(user, ['login', ...role, CNAME])

    expect([exitCode, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(
      /docker-credential-ecr-cname answers for it \(credsStore in .*\), as whom its mapping names; name them there: ecr-cname map add /,
    )
    expect(stderr).toContain(`map add ${CNAME} ${ECR} ${role.join(' ')}\n`)
    expect(has(user, 'seen/docker')).toBe(false)
  })

  it('does nothing for skopeo where registries.conf names our helper', async () => {
    const { user } = await withEngines('skopeo')
    const file = '.config/containers/registries.conf'
    writeTree(user.home, { [file]: 'credential-helpers = ["containers-auth.json", "ecr-cname"]\n' })
    const { stdout } = await ecrCname(user, ['login', '--tool', 'skopeo', CNAME])

    expect(stdout).toContain(`credential-helpers in ${user.home}/${file}`)
    expect(has(user, 'seen/skopeo')).toBe(false)
  })

  it('logs podman in where only docker asks our helper, since podman knows no credsStore', async () => {
    const { user } = await withEngines('podman')
    writeTree(user.home, { '.docker/config.json': '{"credsStore":"ecr-cname"}' })
    await ecrCname(user, ['login', '--tool', 'podman', CNAME])

    expect(has(user, 'seen/podman')).toBe(true)
  })

  it('passes on why an engine failed, in one line and without the token', async () => {
    const { user } = await withEngines()
    const script = 'read -r token; echo warning >&2; echo "Error: $token is denied" >&2; exit 3'
    install(user, { oras: script })
    const { exitCode, stdout, stderr } = await ecrCname(user, [
      'login',
      '--tool',
      'oras',
      CNAME,
      ECR,
    ])

    expect([exitCode, stdout]).toEqual([1, ''])
    expect(stderr.split('\n').slice(0, 2)).toEqual([
      `ecr-cname: oras login ${CNAME} failed: Error: … is denied`,
      `ecr-cname: oras login ${ECR} failed: Error: … is denied`,
    ])
  })

  it('reads a line of a log that skopeo folded', async () => {
    const { user } = await withEngines()
    const line = String.raw`time="2026-11-21T16:00:07Z" level=fatal msg="1 error:\n\t* open \"auth.json\": denied\n\n"`
    install(user, { skopeo: `cat >&2 <<'END'\n${line}\nEND\nexit 1` })
    const { stderr } = await ecrCname(user, ['login', '--tool', 'skopeo', CNAME])

    expect(stderr).toBe(
      `ecr-cname: skopeo login ${CNAME} failed: 1 error: * open "auth.json": denied\n`,
    )
  })

  it('keeps what engines print from the terminal, where it is a login', async () => {
    const { user } = await withEngines()
    const basic = Buffer.from(`AWS:${await user.secret()}`).toString('base64')
    install(user, { oras: `echo "sent Basic ${basic}" >&2` })
    const { stderr } = await ecrCname(user, ['login', '--tool', 'oras', CNAME])

    expect(stderr).toBe('sent Basic …\n')
  })

  it('logs in to the other hosts where one of them is not ours', async () => {
    const { user } = await withEngines('oras')
    const { exitCode, stdout, stderr } = await ecrCname(user, [
      'login',
      '--tool=oras',
      'ghcr.io',
      CNAME,
    ])

    expect(exitCode).toBe(1)
    expect(stdout).toContain(`oras: logged in to ${CNAME}`)
    expect(stderr).toContain('ghcr.io: neither mapped nor an ECR host')
  })

  it('tells what AWS refuses once, not for each engine', async () => {
    const { user, emulator } = await withEngines('oras', 'helm')
    emulator.settings.faults.push({ service: 'ecr', kind: 'deny' })
    const tools = ['--tool=oras', '--tool=helm']
    const { exitCode, stderr } = await ecrCname(user, ['login', ...tools, CNAME])

    expect(exitCode).toBe(1)
    expect(stderr.match(/may not call/g)).toHaveLength(1)
  })

  it('tells what is missing where ECR itself stands behind the name', async () => {
    const { user } = await withEngines()
    const x509 = `x509: certificate is valid for *.dkr.ecr.us-east-1.amazonaws.com, not ${CNAME}`
    const line = `time="2026-11-21T16:00:07Z" level=fatal msg="Get \\"https://${CNAME}/v2/\\": ${x509}"`
    install(user, { skopeo: `echo '${line}' >&2; exit 1` })
    const { stderr } = await ecrCname(user, ['login', '--tool', 'skopeo', CNAME])

    expect(stderr).toBe(
      `ecr-cname: skopeo login ${CNAME} failed: Get "https://${CNAME}/v2/": ${x509}; ECR itself stands behind the name, and this engine needs a sidecar there, see: ecr-cname serve --help\n`,
    )
  })

  it.each([
    ['no host', ['--tool', 'oras'], 2, 'expected a HOST, or --account or --region'],
    ['an empty host', ['--tool', 'oras', ''], 2, 'ecr-cname: "": expected a host such as'],
    ['an unknown tool', ['--tool', 'rkt', CNAME], 2, '--tool: expected docker or podman'],
    ['an account that is none', ['--tool', 'oras', '--account', '12'], 2, 'expected twelve digits'],
    [
      'a region that is none',
      ['--tool', 'oras', '--region', 'Ireland'],
      2,
      '--region: expected one such as',
    ],
    ['a tool that is not there', ['--tool', 'helm', CNAME], 1, 'helm is not on PATH'],
    ['a host that is not ours', ['--tool', 'oras', 'ghcr.io'], 1, 'neither mapped nor an ECR host'],
  ])('refuses %s', async (_, args, code, text) => {
    const { user } = await withEngines('oras')
    const { exitCode, stderr } = await ecrCname(user, ['login', ...args])

    expect(exitCode).toBe(code)
    expect(stderr).toContain(text)
  })

  it('says which engines it knows where none is on PATH', async () => {
    const { user } = await withEngines()
    const { exitCode, stderr } = await ecrCname(user, ['login', CNAME])

    expect(exitCode).toBe(1)
    expect(stderr).toContain(
      'none of docker, podman, nerdctl, buildah, skopeo, oras, helm is on PATH',
    )
  })
})
