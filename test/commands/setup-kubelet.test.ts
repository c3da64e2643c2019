/** `setup kubelet`, on nodes as distributions lay them out. */

import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { findKubelet } from '../../src/setup/kubelet-flags.ts'
import { temporaryFolder } from '../support/folder.ts'
import { becomeNobody } from '../support/nobody.ts'
import { CNAME, ECR } from '../support/user.ts'
import { runHere } from './people.ts'
import { type Files, newHome, newSystem } from './setting-up.ts'

const OWN = 'etc/kubernetes/ecr-cname.yaml'
const FLAGS =
  '--image-credential-provider-config=/etc/kubernetes/ecr-cname.yaml --image-credential-provider-bin-dir=/usr/local/lib/ecr-cname'

/** kubeadm's packages. */
const KUBEADM: Files = {
  'usr/lib/systemd/system/kubelet.service': '[Service]\nExecStart=/usr/bin/kubelet\n',
  'usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf': `[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--kubeconfig=/etc/kubernetes/kubelet.conf"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
`,
  'var/lib/kubelet/kubeadm-flags.env':
    'KUBELET_KUBEADM_ARGS="--pod-infra-container-image=pause:3.9"\n',
}

/** EKS, since Amazon Linux 2023. */
const EKS: Files = {
  'etc/systemd/system/kubelet.service': `[Service]
EnvironmentFile=/etc/eks/kubelet/environment
ExecStart=/usr/bin/kubelet $NODEADM_KUBELET_ARGS
`,
  'etc/eks/kubelet/environment':
    'NODEADM_KUBELET_ARGS="--v=2 --image-credential-provider-config=/etc/eks/image-credential-provider/config.json --image-credential-provider-bin-dir=/etc/eks/image-credential-provider"\n',
  'etc/eks/image-credential-provider/config.json': JSON.stringify(
    {
      apiVersion: 'kubelet.config.k8s.io/v1',
      kind: 'CredentialProviderConfig',
      providers: [
        {
          name: 'ecr-credential-provider',
          matchImages: ['*.dkr.ecr.*.amazonaws.com'],
          defaultCacheDuration: '12h0m0s',
          apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
        },
      ],
    },
    null,
    2,
  ),
}
const EKS_CONFIG = 'etc/eks/image-credential-provider/config.json'

type Provider = Readonly<Record<string, unknown>> & { readonly matchImages: readonly string[] }
type Config = { readonly apiVersion: string; readonly providers: readonly Provider[] }

function newNode(files: Files, config?: unknown) {
  const system = newSystem(files, config)
  const program = join(temporaryFolder(), 'ecr-cname')
  writeFileSync(program, 'the program')
  const setup = async (...args: readonly string[]) =>
    await system.setup(['kubelet', ...args], { ask: async () => 'yes', self: [program] })
  const agree = async (...args: readonly string[]) => {
    const outcome = await setup(...args)
    expect(outcome).toMatchObject({ exitCode: 0 })
    return outcome
  }
  const providers = (file = OWN) => parse(system.read(file)) as Config
  return { ...system, setup, agree, providers }
}

describe('setup kubelet', () => {
  it.each([
    ['kubeadm', KUBEADM],
    ['EKS', EKS],
    [
      'k3s',
      { 'etc/systemd/system/k3s.service': '[Service]\nExecStart=/usr/local/bin/k3s server\n' },
    ],
    [
      'a unit of its own',
      { 'etc/systemd/system/kubelet.service': '[Service]\nExecStart=/opt/kubelet --v=2\n' },
    ],
    ['nothing of kubelet', {}],
  ])('on a node with %s is done once, and undone to the byte', async (_, files) => {
    const { agree, everything } = newNode(files)
    const before = everything()
    await agree()
    const once = everything()
    expect(await agree()).toMatchObject({ stdout: '' })
    expect(everything()).toEqual(once)
    await agree('--undo')
    expect(everything()).toEqual(before)
  })

  it("adds the flags to kubeadm's file for them, beside those that are there", async () => {
    const given = '# mine\nKUBELET_EXTRA_ARGS="--node-ip=10.0.0.1"\nOTHER=1\n'
    const { agree, read, at } = newNode({ ...KUBEADM, 'etc/default/kubelet': given })
    const { stderr } = await agree()
    expect(read('etc/default/kubelet')).toBe(
      `# mine\nKUBELET_EXTRA_ARGS="--node-ip=10.0.0.1 ${FLAGS}"\nOTHER=1\n`,
    )
    expect(stderr).toContain('now run: systemctl daemon-reload && systemctl restart kubelet')
    expect(findKubelet(at)).toMatchObject({ config: `/${OWN}`, changes: [] })
  })

  it('keeps flags that a drop-in gives by the variable', async () => {
    const { agree, read } = newNode({
      ...KUBEADM,
      'etc/systemd/system/kubelet.service.d/20.conf':
        '[Service]\nEnvironment="KUBELET_EXTRA_ARGS=--v=4"\n',
    })
    await agree()
    expect(read('etc/default/kubelet')).toBe(`KUBELET_EXTRA_ARGS="--v=4 ${FLAGS}"\n`)
  })

  it('adds the flags to a unit without such a file by a drop-in', async () => {
    const { agree, read, at } = newNode({
      'etc/systemd/system/kubelet.service': '[Service]\nExecStart=/opt/kubelet \\\n  --v=2\n',
    })
    await agree()
    expect(read('etc/systemd/system/kubelet.service.d/90-ecr-cname.conf')).toMatch(
      new RegExp(`\\[Service\\]\nExecStart=\nExecStart=/opt/kubelet +--v=2 ${FLAGS}\n`),
    )
    expect(findKubelet(at)).toMatchObject({ config: `/${OWN}`, changes: [] })
  })

  it('puts the program under the name of the provider where kubelet looks', async () => {
    const { agree, read, at } = newNode(KUBEADM)
    await agree()
    expect(read('usr/local/lib/ecr-cname/ecr-cname')).toBe('the program')
    expect(statSync(at('usr/local/lib/ecr-cname/ecr-cname')).mode & 0o777).toBe(0o755)
  })

  it('matches the mapped names, wildcards too, and all of ECR where nobody serves it', async () => {
    const { agree, providers } = newNode(KUBEADM, {
      registries: { [CNAME]: ECR, '*.dkr.company.test': ECR },
    })
    await agree()
    expect(providers()).toEqual({
      apiVersion: 'kubelet.config.k8s.io/v1',
      kind: 'CredentialProviderConfig',
      providers: [
        {
          name: 'ecr-cname',
          matchImages: [
            CNAME,
            '*.dkr.company.test',
            '*.dkr.ecr.*.amazonaws.com',
            '*.dkr.ecr.*.amazonaws.com.cn',
            '*.dkr.ecr-fips.*.amazonaws.com',
            '*.dkr-ecr.*.on.aws',
          ],
          defaultCacheDuration: '1h',
          apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
          args: ['credential-provider'],
        },
      ],
    })
  })

  it("comes before EKS' own provider, which goes on to serve ECR's names", async () => {
    const { agree, providers, read } = newNode(EKS)
    const { stderr } = await agree()
    const [ours, theirs, ...others] = providers(EKS_CONFIG).providers
    expect(ours).toMatchObject({ name: 'ecr-cname', matchImages: [CNAME] })
    expect({ theirs, others }).toEqual({
      theirs: (JSON.parse(EKS[EKS_CONFIG]!) as Config).providers[0],
      others: [],
    })
    expect(read('etc/eks/image-credential-provider/ecr-cname')).toBe('the program')
    expect(stderr).toContain('EKS writes /etc/eks/image-credential-provider/config.json anew')
  })

  it('refuses to be for no name at all, with which kubelet would not start', async () => {
    const { exitCode, stderr } = await newNode(EKS, {}).setup()
    expect(exitCode).toBe(1)
    expect(stderr).toContain('no name is mapped; first: ecr-cname map add HOST ECR_HOST')
  })

  it('is where k3s looks without a flag', async () => {
    const { agree, providers } = newNode({ 'etc/systemd/system/k3s-agent.service': '[Service]\n' })
    const { stderr } = await agree()
    expect(providers('var/lib/rancher/credentialprovider/config.yaml').providers).toHaveLength(1)
    expect(stderr).toContain('now run: systemctl restart k3s-agent')
  })

  it("is where k3s' configuration says", async () => {
    const { agree, providers, has } = newNode({
      'etc/systemd/system/k3s.service': '[Service]\n',
      'etc/rancher/k3s/config.yaml': `kubelet-arg:
  - "image-credential-provider-config=/srv/providers.yaml"
  - "image-credential-provider-bin-dir=/srv/bin"
`,
    })
    await agree()
    expect(providers('srv/providers.yaml').providers).toHaveLength(1)
    expect(has('srv/bin/ecr-cname')).toBe(true)
  })

  it('tells the flags where there is no unit to put them into', async () => {
    expect((await newNode({}).agree()).stderr).toContain(`start it with ${FLAGS}`)
  })

  it('has the mapping known to kubelet, which has no home', async () => {
    const { read, root, setup } = newNode(KUBEADM, { fallback: 'none' })
    expect(await setup(CNAME)).toMatchObject({ exitCode: 1 })
    const env = { HOME: '/root', ECR_CNAME_MAP: `${CNAME}=${ECR}` }
    const args = ['setup', 'kubelet', CNAME, '--root', root, '--yes']
    expect(await runHere({ env }, args, { self: ['/bin/true'] })).toMatchObject({ exitCode: 0 })
    expect(JSON.parse(read('etc/ecr-cname/config.json'))).toEqual({
      fallback: 'none',
      registries: { [CNAME]: ECR },
    })
  })

  it("asks for a service account's token with --pod-roles", async () => {
    const { agree, providers } = newNode(KUBEADM)
    await agree('--pod-roles')
    expect(providers().providers[0]).toMatchObject({
      tokenAttributes: {
        serviceAccountTokenAudience: 'sts.amazonaws.com',
        cacheType: 'ServiceAccount',
        requireServiceAccount: false,
        optionalServiceAccountAnnotationKeys: ['eks.amazonaws.com/role-arn'],
      },
    })
  })

  it('refuses flags of other engines', async () => {
    expect(await newNode({}).setup('--image', 'x')).toMatchObject({ exitCode: 2 })
    const { setup } = newSystem()
    expect(await setup(['docker', '--pod-roles'])).toMatchObject({ exitCode: 2 })
  })
})

describe("a CredentialProviderConfig of somebody's", () => {
  const file = 'srv/providers.yaml'
  const unit = {
    'etc/systemd/system/kubelet.service': `[Service]
ExecStart=/opt/kubelet --image-credential-provider-config /srv/providers.yaml --image-credential-provider-bin-dir /srv/bin
`,
  }
  const node = (text: string) => newNode({ ...unit, [file]: text })

  it('keeps comments, unknown keys and its other providers', async () => {
    const text = `# all of ours
apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  # of the cloud
  - name: acr # theirs
    matchImages: ["*.azurecr.io"]
    defaultCacheDuration: 10m
    apiVersion: credentialprovider.kubelet.k8s.io/v1
    more: yes
`
    const { agree, read, providers } = node(text)
    await agree()
    const [above, below] = text.split(/(?<=providers:\n)/)
    expect(read(file).startsWith(`${above}  - name: ecr-cname\n`)).toBe(true)
    expect(read(file).endsWith(below!)).toBe(true)
    expect(providers(file).providers.map(({ name }) => name)).toEqual(['ecr-cname', 'acr'])
  })

  it('keeps CRLF, a BOM and lists that are not set in', async () => {
    const text =
      '\uFEFFapiVersion: kubelet.config.k8s.io/v1\r\nkind: CredentialProviderConfig\r\nproviders:\r\n- name: acr\r\n  matchImages:\r\n  - a.test\r\n'
    const { agree, read } = node(text)
    await agree()
    expect(read(file)).toMatch(
      /^\uFEFFapiVersion: .*\r\nkind: .*\r\nproviders:\r\n- name: ecr-cname\r\n/,
    )
    expect(read(file)).toMatch(/\r\n- name: acr\r\n {2}matchImages:\r\n {2}- a\.test\r\n$/)
    expect(read(file)).not.toMatch(/[^\r]\n/)
  })

  it('has our entry renewed in its place, with what others have put into it', async () => {
    const env = [{ name: 'AWS_PROFILE', value: 'node' }]
    const { agree, providers } = node(`apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  - name: acr
    matchImages: [a.test]
  - name: ecr-cname
    matchImages: [old.test]
    env: ${JSON.stringify(env)}
`)
    await agree(CNAME)
    expect(providers(file).providers).toEqual([
      { name: 'acr', matchImages: ['a.test'] },
      {
        name: 'ecr-cname',
        matchImages: ['old.test', CNAME],
        env,
        defaultCacheDuration: '1h',
        apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
        args: ['credential-provider'],
      },
    ])
  })

  it("of an older version has no place for a service account's token", async () => {
    const text =
      'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: CredentialProviderConfig\nproviders: []\n'
    const { setup, read } = node(text)
    const { exitCode, stderr } = await setup('--pod-roles')
    expect(exitCode).toBe(1)
    expect(stderr).toContain('--pod-roles takes apiVersion kubelet.config.k8s.io/v1; change it')
    expect(read(file)).toBe(text)
  })

  it('of an older version stays of that version', async () => {
    const text =
      'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: CredentialProviderConfig\nproviders: []\n'
    const { agree, providers } = node(text)
    await agree()
    expect(providers(file)).toMatchObject({
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      providers: [{ apiVersion: 'credentialprovider.kubelet.k8s.io/v1beta1' }],
    })
  })

  it.each([
    [
      'broken YAML',
      'kind: [\nproviders:\n',
      /providers\.yaml: line \d+, column \d+: expected YAML/,
    ],
    ['broken JSON', '{\n "kind": }', /providers\.yaml: line 2, column 10: expected JSON/],
    ['a list', '- a\n', /providers\.yaml: expected a CredentialProviderConfig/],
    ['another kind', 'kind: Pod\n', /providers\.yaml: expected a CredentialProviderConfig/],
    ['providers that are none', 'providers: 1\n', /providers\.yaml: expected a Credential/],
  ])('is never overwritten where it is %s', async (_, text, message) => {
    const { setup, read } = node(text)
    const { exitCode, stderr } = await setup()
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(message)
    expect(read(file)).toBe(text)
  })
})

describe('the kubelet that is installed', () => {
  async function planned(says: string, ...args: readonly string[]) {
    const { root, env, at } = newHome()
    mkdirSync(at('bin'))
    writeFileSync(at('bin/kubelet'), `#!/bin/sh\necho '${says}'\n`, { mode: 0o755 })
    becomeNobody(root)
    const asUser = { env: { ...env, PATH: at('bin') } }
    const world = { self: [at('bin/kubelet')] as const }
    return await runHere(asUser, ['setup', 'kubelet', ...args], world)
  }

  it.each([
    ['Kubernetes v1.25.16', 'v1beta1'],
    ['Kubernetes v1.26.0', 'v1'],
    ['Kubernetes v1.34.2-eks-113cf36', 'v1'],
  ])('as %s is asked in %s', async (says, version) => {
    const { exitCode, stdout, stderr } = await planned(says)
    expect(stdout).toContain(`+apiVersion: kubelet.config.k8s.io/${version}\n`)
    expect(stdout).toContain(`+    apiVersion: credentialprovider.kubelet.k8s.io/${version}\n`)
    expect(stderr).toMatch(
      /this takes root, and nothing was changed; run: sudo env .* setup kubelet/,
    )
    expect(exitCode).toBe(1)
  })

  it.each([
    ['Kubernetes v1.23.17', [], 'kubelet is 1.23, and a credential provider takes 1.24 or later'],
    ['Kubernetes v1.33.1', ['--pod-roles'], '(--pod-roles) takes 1.34 or later'],
  ])('as %s with %j is too old', async (says, args, message) => {
    const { exitCode, stderr } = await planned(says, ...args)
    expect(exitCode).toBe(2)
    expect(stderr).toContain(message)
  })
})
