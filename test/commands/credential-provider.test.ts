/** kubelet's exec protocol, by the built program. */

import { describe, expect, it } from 'vitest'
import type { Emulator } from '../emulator/emulator.ts'
import { ECR_CNAME, runProgram } from '../support/program.ts'
import { CNAME, ECR, emulated, mints, newUser, type User } from '../support/user.ts'

const ROLE = 'arn:aws:iam::123456789012:role/pod'

/** As kubelet 1.34 sends it for a pod whose service account has a role. */
const WITH_POD = {
  kind: 'CredentialProviderRequest',
  apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
  image: `${CNAME}/team/app:1`,
  serviceAccountAnnotations: { 'eks.amazonaws.com/role-arn': ROLE },
}

type Response = {
  readonly kind: string
  readonly apiVersion: string
  readonly cacheKeyType: string
  readonly cacheDuration: string
  readonly auth: Readonly<Record<string, { readonly username: string; readonly password: string }>>
}

/** To the byte what kubelet 1.30 was recorded to send, in either version. */
function request(image: string, version = 'v1'): string {
  return `{"kind":"CredentialProviderRequest","apiVersion":"credentialprovider.kubelet.k8s.io/${version}","image":"${image}"}\n`
}

async function asked({ env }: User, input: string, words: readonly string[] = []) {
  return await runProgram([ECR_CNAME, 'credential-provider', ...words], { env, input })
}

async function answered(user: User, input: string, words?: readonly string[]): Promise<Response> {
  const { stdout, stderr, exitCode } = await asked(user, input, words)
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
  return JSON.parse(stdout) as Response
}

async function withUser() {
  const emulator = await emulated()
  const user = newUser(emulator)
  user.configure({ registries: { [CNAME]: ECR } })
  return { emulator, user }
}

function seconds({ cacheDuration }: Response): number {
  expect(cacheDuration).toMatch(/^\d+s$/)
  return Number.parseInt(cacheDuration, 10)
}

describe('credential-provider', () => {
  it.each(['v1', 'v1beta1'])('answers kubelet in version %s, out of the store', async (version) => {
    const { emulator, user } = await withUser()
    const response = await answered(user, request(`${CNAME}/team/app:1`, version))
    expect(response).toMatchObject({
      kind: 'CredentialProviderResponse',
      apiVersion: `credentialprovider.kubelet.k8s.io/${version}`,
      cacheKeyType: 'Registry',
    })
    expect(response.auth).toEqual({ [CNAME]: { username: 'AWS', password: await user.secret() } })
    expect(mints(emulator)).toBe(1)
  })

  it.each(['get-credentials', '--v=2'])('passes over %s, of another plug-in', async (word) => {
    const { user } = await withUser()
    const { auth } = await answered(user, request(`${CNAME}/app`), [word])
    expect(Object.keys(auth)).toEqual([CNAME])
  })

  it('says how long the token really holds, less a margin', async () => {
    const { emulator, user } = await withUser()
    emulator.settings.tokenSeconds = 7200
    const held = seconds(await answered(user, request(`${CNAME}/app`)))
    expect(held).toBeGreaterThan(7200 - 12 * 60 - 60)
    expect(held).toBeLessThanOrEqual(7200 - 12 * 60)
  })

  it.each([
    [`${CNAME}:5000/app@sha256:${'0'.repeat(64)}`, `${CNAME}:5000`],
    [`${ECR}/app`, ECR],
  ])('keys the answer for %s by the registry of the image', async (image, key) => {
    const { user } = await withUser()
    expect(Object.keys((await answered(user, request(image))).auth)).toEqual([key])
  })

  it.each(['nginx:latest', 'library/nginx', 'ghcr.io/team/app', `evil.test/${ECR}/app`])(
    'has nothing for %s',
    async (image) => {
      const { user } = await withUser()
      expect(await answered(user, request(image))).toMatchObject({
        auth: null,
        cacheDuration: '0s',
        cacheKeyType: 'Registry',
      })
    },
  )

  it('tells kubelet in one line why a registry of ours gets no token', async () => {
    const emulator = await emulated()
    const user = newUser(emulator, 'none')
    const { stdout, stderr, exitCode } = await asked(user, request(`${ECR}/app`))
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 })
    expect(stderr).toMatch(/^ecr-cname: .*no AWS credentials.*\n$/)
  })

  it.each([
    ['', /^ecr-cname: stdin: expected a CredentialProviderRequest/],
    ['{"image":', /^ecr-cname: stdin: expected a CredentialProviderRequest/],
    ['null', /^ecr-cname: stdin: expected a CredentialProviderRequest/],
    [JSON.stringify({ kind: 'Pod' }), /: kind: expected CredentialProviderRequest\n$/],
    [request(`${CNAME}/app`, 'v9'), /: apiVersion: expected/],
    [request(''), /: image: expected/],
    [JSON.stringify(WITH_POD), /: serviceAccountToken: expected a token/],
  ])('takes %j for used wrongly', async (input, line) => {
    const { user } = await withUser()
    const { stdout, stderr, exitCode } = await asked(user, input)
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 })
    expect(stderr).toMatch(line)
  })
})

describe("a pod's own role", () => {
  async function withPod() {
    const { emulator, user } = await withUser()
    emulator.settings.roles[ROLE] = {}
    const pod = { ...WITH_POD, serviceAccountToken: emulator.settings.webIdentityToken }
    return { emulator, user, input: JSON.stringify(pod) }
  }

  it('mints, whatever identity the node has', async () => {
    const { emulator, user, input } = await withPod()
    const response = await answered(user, input)
    expect(response.auth[CNAME]?.username).toBe('AWS')
    expect(minters(emulator)).toEqual(['arn:aws:sts::123456789012:assumed-role/pod/ecr-cname'])
  })

  it('is never answered with the token of the node, nor the node with its', async () => {
    const { emulator, user, input } = await withPod()
    const node = await user.secret()
    const pod = (await answered(user, input)).auth[CNAME]?.password
    expect(pod).not.toBe(node)
    expect(await user.secret()).toBe(node)
    expect(mints(emulator)).toBe(2)
    expect(user.tokens()).toHaveLength(1)
  })

  it('that AWS refuses is no reason to take the one of the node', async () => {
    const { emulator, user, input } = await withPod()
    delete emulator.settings.roles[ROLE]
    const { stdout, stderr, exitCode } = await asked(user, input)
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 })
    expect(stderr).toContain(ROLE)
    expect(stderr).not.toContain(emulator.settings.webIdentityToken)
    expect(mints(emulator)).toBe(0)
  })

  it('with a token that AWS does not know is told so', async () => {
    const { user } = await withPod()
    const input = JSON.stringify({ ...WITH_POD, serviceAccountToken: 'eyJ.other.token' })
    const { stderr, exitCode } = await asked(user, input)
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/token of the service account/)
    expect(stderr).not.toContain('eyJ.other.token')
  })
})

function minters(emulator: Emulator) {
  return emulator.calls
    .filter(({ operation }) => operation === 'GetAuthorizationToken')
    .map(({ principal }) => principal)
}
