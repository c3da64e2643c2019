/** Of the SDK's client, what taking a role uses. */

export { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
