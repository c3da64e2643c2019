import { describe, expect, it } from 'vitest'
import { loginName, readServerUrl } from '../../src/domain/names.ts'
import { parseServerUrl } from '../../src/domain/server-url.ts'

describe('the host that is asked for', () => {
  it('names an internationalised host by its A-label', () => {
    expect(readServerUrl('https://Bücher.example:5000/v2/')).toEqual({
      host: 'xn--bcher-kva.example',
      port: '5000',
    })
  })

  it("is the image's host in a kubelet's request", () => {
    const request = { kind: 'CredentialProviderRequest', image: 'docker.company.com/team/app' }
    expect(readServerUrl(JSON.stringify(request))).toEqual({ host: 'docker.company.com', port: '' })
  })
})

describe("a login's name", () => {
  it.each([
    ['https://ghcr.io/v2/', 'ghcr.io'],
    ['ghcr.io/team/', 'ghcr.io/team'],
    ['https://index.docker.io/v1/', 'index.docker.io'],
    ['docker.io', 'index.docker.io'],
    ['registry-1.docker.io', 'index.docker.io'],
    ['ghcr.io:5000', 'ghcr.io:5000'],
  ])('of %s is %s', (serverUrl, name) => {
    const asked = parseServerUrl(serverUrl)
    expect(asked && loginName(asked, serverUrl)).toBe(name)
  })
})
