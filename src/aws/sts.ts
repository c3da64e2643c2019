/** Of the SDK's client, what is used; the rest of it would be loaded with the whole package. */

export {
  AssumeRoleCommand,
  AssumeRoleWithWebIdentityCommand,
  GetCallerIdentityCommand,
  STSClient,
} from '@aws-sdk/client-sts'
