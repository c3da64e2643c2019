/** Tokens and digests, by way of programs that anyone has: the helper itself and the AWS CLI. */
import type { Ecr } from './ecr.ts'
import { CNAME } from './names.ts'
import { until } from './until.ts'
import type { User } from './user.ts'

const HELPER = 'docker-credential-ecr-cname'

/** The digest of an image at ECR. */
export async function digestInEcr(user: User, image: string): Promise<string> {
  const [repository = '', tag] = image.replace(/^[^/]*\//, '').split(':')
  const digest = await user.succeed(
    `aws ecr describe-images --repository-name ${repository} --image-ids imageTag=${tag}
      --query imageDetails[0].imageDigest --output text`,
  )
  return digest.trim()
}

/** What the helper answers for the name of the company. */
export async function tokenOf(user: User): Promise<string> {
  const answer = await user.succeed(`${HELPER} get`, { stdin: CNAME })
  return (JSON.parse(answer) as { Secret: string }).Secret
}

/** Has the helper keep a token for this user that has come to its end. */
export async function keepExpiredToken(user: User, ecr: Ecr) {
  await user.succeed(`${HELPER} erase`, { stdin: CNAME })
  await ecr.setTokenSeconds(1)
  const token = await tokenOf(user)
  await ecr.setTokenSeconds(12 * 3600)
  const { expiration } = JSON.parse(atob(token)) as { expiration: number }
  // The token says it in whole seconds, so its end is within the one that follows.
  await until('the token to expire', async () => Date.now() >= (expiration + 1) * 1000)
}
