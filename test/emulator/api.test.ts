import { readFileSync } from 'node:fs'
import { Agent } from 'node:https'

import { CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch'
import {
  CreateRepositoryCommand,
  DeleteRepositoryCommand,
  DescribeImagesCommand,
  DescribeRepositoriesCommand,
  GetAuthorizationTokenCommand,
  ListImagesCommand,
  ListTagsForResourceCommand,
} from '@aws-sdk/client-ecr'
import {
  ECRPUBLICClient,
  GetAuthorizationTokenCommand as GetPublicTokenCommand,
} from '@aws-sdk/client-ecr-public'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { describe, expect, it } from 'vitest'

import type { Emulator } from './emulator.ts'
import { createSend, pushImage } from './registry-client.ts'
import { ecrClient, KEYS, logInTo, runEmulator } from './running.ts'

const getToken = new GetAuthorizationTokenCommand({})
const NOON = new Date('2026-01-02T12:00:00.250Z')

const stsClient = ({ apiUrl, region }: Emulator) =>
  new STSClient({ endpoint: apiUrl, region, credentials: KEYS, maxAttempts: 1 })

const toSession = async (emulator: Emulator) => {
  const env = emulator.env('session')
  return {
    accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
    sessionToken: env['AWS_SESSION_TOKEN'] ?? '',
  }
}

describe('GetAuthorizationToken', () => {
  it('answers with a token that names its own expiry, for the registry of the caller', async () => {
    const emulator = await runEmulator()
    const [data] = (await ecrClient(emulator).send(getToken)).authorizationData ?? []
    const [user, password = ''] = atob(data?.authorizationToken ?? '').split(':')
    const token = JSON.parse(atob(password)) as Record<string, unknown>
    expect(user).toBe('AWS')
    expect(password.length).toBe(2400)
    expect(data?.proxyEndpoint).toBe('https://123456789012.dkr.ecr.us-east-1.amazonaws.com')
    expect(token).toMatchObject({ version: '2', type: 'DATA_KEY' })
    expect(token['expiration']).toBe(Math.floor((data?.expiresAt?.getTime() ?? 0) / 1000))
  })

  it('lives for twelve hours of the clock, to the fraction of a second', async () => {
    const emulator = await runEmulator({ clock: () => NOON })
    const client = ecrClient(emulator, { systemClockOffset: NOON.getTime() - Date.now() })
    const answer = await client.send(getToken)
    const expiresAt = answer.authorizationData?.[0]?.expiresAt
    expect(expiresAt?.toISOString()).toBe('2026-01-03T00:00:00.250Z')
  })

  it.each([4784, 16_000])('can be as big as %i characters', async (tokenBytes) => {
    const emulator = await runEmulator({ settings: { tokenBytes } })
    const authorization = await logInTo(emulator)
    expect(atob(authorization.slice(6)).length).toBe('AWS:'.length + tokenBytes)
    const { status } = await createSend(emulator)('GET', `https://${emulator.registry.host}/v2/`, {
      headers: { authorization },
    })
    expect(status).toBe(200)
  })

  it('names the plain host of the partition', async () => {
    const emulator = await runEmulator({ region: 'cn-north-1' })
    const { authorizationData } = await ecrClient(emulator).send(getToken)
    expect(authorizationData?.[0]?.proxyEndpoint).toBe(
      'https://123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn',
    )
  })

  it('is answered over TLS as well', async () => {
    const emulator = await runEmulator()
    const httpsAgent = new Agent({ ca: readFileSync(emulator.caFile) })
    const requestHandler = new NodeHttpHandler({ httpsAgent })
    const { apiTlsUrl: endpoint } = emulator
    const client = ecrClient(emulator, { endpoint, requestHandler })
    expect((await client.send(getToken)).authorizationData).toHaveLength(1)
  })

  it('answers for each registry that is asked for', async () => {
    const emulator = await runEmulator()
    const asked = { registryIds: ['111122223333', '444455556666'] }
    const answer = await ecrClient(emulator).send(new GetAuthorizationTokenCommand(asked))
    expect(answer.authorizationData?.map(({ proxyEndpoint }) => proxyEndpoint)).toEqual([
      'https://111122223333.dkr.ecr.us-east-1.amazonaws.com',
      'https://444455556666.dkr.ecr.us-east-1.amazonaws.com',
    ])
  })

  it('answers with an object for ECR Public, and only in its regions', async () => {
    const { apiUrl: endpoint } = await runEmulator()
    const ask = (region: string) =>
      new ECRPUBLICClient({ endpoint, region, credentials: KEYS, maxAttempts: 1 }).send(
        new GetPublicTokenCommand({}),
      )
    const { authorizationData } = await ask('us-east-1')
    expect(authorizationData?.expiresAt).toBeInstanceOf(Date)
    await expect(ask('eu-west-1')).rejects.toThrow('scoped to a valid region')
  })
})

describe('a signature', () => {
  it('is refused when it was made with another secret', async () => {
    const emulator = await runEmulator()
    const client = ecrClient(emulator, { credentials: { ...KEYS, secretAccessKey: 'another' } })
    await expect(client.send(getToken)).rejects.toMatchObject({
      name: 'InvalidSignatureException',
      message: expect.stringContaining('does not match the signature you provided') as string,
    })
  })

  it('is refused for a key that nobody has', async () => {
    const emulator = await runEmulator()
    const client = ecrClient(emulator, { credentials: { ...KEYS, accessKeyId: 'AKIANOBODY' } })
    await expect(client.send(getToken)).rejects.toMatchObject({
      name: 'UnrecognizedClientException',
      message: 'The security token included in the request is invalid.',
    })
  })

  it('is refused by a clock that is more than 15 minutes off, and accepted once corrected', async () => {
    const emulator = await runEmulator({ settings: { clockOffsetMs: 16 * 60_000 } })
    await expect(ecrClient(emulator).send(getToken)).rejects.toMatchObject({
      name: 'InvalidSignatureException',
      message: expect.stringMatching(/^Signature expired: \d{8}T\d{6}Z is now earlier/) as string,
    })
    // The SDK reads the time from the Date header and tries once more.
    await ecrClient(emulator, { maxAttempts: 3 }).send(getToken)
    expect(emulator.calls.map(({ status }) => status)).toEqual([400, 400, 200])
  })

  it('is refused for a region that is not served', async () => {
    const emulator = await runEmulator({ settings: { regions: ['us-east-1'] } })
    const client = ecrClient(emulator, { region: 'eu-west-1' })
    await expect(client.send(getToken)).rejects.toThrow('scoped to a valid region')
  })

  it('needs the token of a session', async () => {
    const emulator = await runEmulator()
    const session = await toSession(emulator)
    await ecrClient(emulator, { credentials: session }).send(getToken)
    const { accessKeyId, secretAccessKey } = session
    const client = ecrClient(emulator, { credentials: { accessKeyId, secretAccessKey } })
    await expect(client.send(getToken)).rejects.toThrow('security token included')
  })

  it('is worth nothing once the session is over', async () => {
    const emulator = await runEmulator({ settings: { sessionSeconds: 0 } })
    const client = ecrClient(emulator, { credentials: await toSession(emulator) })
    await expect(client.send(getToken)).rejects.toMatchObject({ name: 'ExpiredTokenException' })
  })

  it('is missed when there is none', async () => {
    const { apiUrl } = await runEmulator()
    const target = 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken'
    const answer = await fetch(apiUrl, {
      method: 'POST',
      headers: { 'x-amz-target': target },
      body: '{}',
    })
    expect(await answer.json()).toEqual({
      __type: 'MissingAuthenticationTokenException',
      message: 'Missing Authentication Token',
    })
  })
})

describe('a policy', () => {
  it('denies in the words of AWS', async () => {
    const emulator = await runEmulator()
    const [key] = Object.values(emulator.settings.keys)
    emulator.settings.keys[KEYS.accessKeyId] = { ...key!, deny: ['ecr:Get*'] }
    await expect(ecrClient(emulator).send(getToken)).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message:
        'User: arn:aws:iam::123456789012:user/developer is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the ecr:GetAuthorizationToken action',
    })
  })
})

describe('STS', () => {
  it('tells who the caller is', async () => {
    const emulator = await runEmulator()
    const { Arn, Account } = await stsClient(emulator).send(new GetCallerIdentityCommand({}))
    expect([Arn, Account]).toEqual(['arn:aws:iam::123456789012:user/developer', '123456789012'])
  })

  it('gives a session of a role only to who names its external id', async () => {
    const emulator = await runEmulator()
    const role = { RoleArn: 'arn:aws:iam::123456789012:role/partner', RoleSessionName: 'ci' }
    await expect(stsClient(emulator).send(new AssumeRoleCommand(role))).rejects.toMatchObject({
      name: 'AccessDenied',
    })
    const named = new AssumeRoleCommand({ ...role, ExternalId: 'partner-42' })
    const { Credentials, AssumedRoleUser } = await stsClient(emulator).send(named)
    expect(AssumedRoleUser?.Arn).toBe('arn:aws:sts::123456789012:assumed-role/partner/ci')
    const credentials = {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    }
    await logInTo(emulator, { credentials })
    expect(emulator.calls.at(-1)?.principal).toBe(AssumedRoleUser?.Arn)
  })
})

describe('repositories', () => {
  it('keep what they were created with, and need a right for tags', async () => {
    const emulator = await runEmulator()
    const client = ecrClient(emulator)
    const create = new CreateRepositoryCommand({
      repositoryName: 'team/app',
      tags: [{ Key: 'team', Value: 'a' }],
      imageScanningConfiguration: { scanOnPush: true },
      encryptionConfiguration: { encryptionType: 'KMS', kmsKey: 'alias/images' },
    })
    Object.assign(emulator.settings.keys[KEYS.accessKeyId]!, { deny: ['ecr:TagResource'] })
    await expect(client.send(create)).rejects.toThrow('ecr:TagResource')
    Object.assign(emulator.settings.keys[KEYS.accessKeyId]!, { deny: [] })
    const { repository } = await client.send(create)
    expect(repository).toMatchObject({
      imageScanningConfiguration: { scanOnPush: true },
      encryptionConfiguration: { encryptionType: 'KMS', kmsKey: 'alias/images' },
    })
    const resourceArn = repository?.repositoryArn
    const { tags } = await client.send(new ListTagsForResourceCommand({ resourceArn }))
    expect(tags).toEqual([{ Key: 'team', Value: 'a' }])
  })

  it('are created, described and deleted', async () => {
    const emulator = await runEmulator()
    const client = ecrClient(emulator)
    const repositoryName = 'team/app'
    await client.send(new CreateRepositoryCommand({ repositoryName }))
    await expect(client.send(new CreateRepositoryCommand({ repositoryName }))).rejects.toThrow(
      "The repository with name 'team/app' already exists in the registry with id '123456789012'",
    )
    const { repositories } = await client.send(new DescribeRepositoriesCommand({}))
    expect(repositories?.map(({ repositoryUri }) => repositoryUri)).toEqual([
      '123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app',
    ])
    await client.send(new DeleteRepositoryCommand({ repositoryName }))
    const named = new DescribeRepositoriesCommand({ repositoryNames: [repositoryName] })
    await expect(client.send(named)).rejects.toMatchObject({ name: 'RepositoryNotFoundException' })
  })

  it('list the images that were pushed', async () => {
    const emulator = await runEmulator()
    await emulator.createRepository('app')
    const authorization = await logInTo(emulator)
    const url = `https://${emulator.registry.host}/v2/app`
    const layer = Buffer.from('layer')
    const { digest } = await pushImage(createSend(emulator), authorization, url, {
      tag: '1',
      layer,
    })
    const client = ecrClient(emulator)
    const { imageIds } = await client.send(new ListImagesCommand({ repositoryName: 'app' }))
    expect(imageIds).toEqual([{ imageDigest: digest, imageTag: '1' }])
    const { imageDetails } = await client.send(new DescribeImagesCommand({ repositoryName: 'app' }))
    expect(imageDetails?.[0]).toMatchObject({ imageTags: ['1'], imageSizeInBytes: layer.length })
  })
})

describe('the SSO portal', () => {
  it('gives credentials for a login, until that has expired', async () => {
    const { apiUrl, settings } = await runEmulator()
    const ask = () =>
      fetch(`${apiUrl}/federation/credentials?role_name=sso&account_id=123456789012`, {
        headers: { 'x-amz-sso_bearer_token': settings.ssoToken },
      })
    expect(await (await ask()).json()).toHaveProperty('roleCredentials.sessionToken')
    settings.ssoTokenExpired = true
    const { status, headers } = await ask()
    expect([status, headers.get('x-amzn-errortype')]).toEqual([401, 'UnauthorizedException'])
  })
})

describe('PutMetricData', () => {
  const putTo = ({ apiUrl, region }: Emulator, count: number, credentials = KEYS) => {
    const client = new CloudWatchClient({ endpoint: apiUrl, region, credentials, maxAttempts: 1 })
    const MetricData = Array.from({ length: count }, (_, index) => ({
      MetricName: 'Pulls',
      Dimensions: [{ Name: 'Image', Value: `tag-${index}` }],
      Value: 1,
    }))
    return client.send(new PutMetricDataCommand({ Namespace: 'Custom/test', MetricData }))
  }

  it('keeps what it was told in the log of calls, compressed or not', async () => {
    const emulator = await runEmulator()
    await putTo(emulator, 1)
    await putTo(emulator, 1000)
    const told = emulator.calls.map(({ input }) => input as { readonly MetricData: unknown[] })
    expect(told.map(({ MetricData }) => MetricData.length)).toEqual([1, 1000])
    expect(emulator.calls[1]).toMatchObject({
      service: 'cloudwatch',
      operation: 'PutMetricData',
      headers: { 'content-encoding': 'gzip' },
    })
  })

  it('takes 1000 values at most, and none of someone it does not know', async () => {
    const emulator = await runEmulator()
    await expect(putTo(emulator, 1001)).rejects.toThrow('MetricData is invalid')
    const wrong = { ...KEYS, secretAccessKey: 'wrong' }
    await expect(putTo(emulator, 1, wrong)).rejects.toThrow('signature we calculated')
    emulator.settings.faults.push({ service: 'cloudwatch', kind: 'deny' })
    await expect(putTo(emulator, 1)).rejects.toThrow('not authorized to perform: cloudwatch:Put')
  })
})
