/** Of the SDK's client, what a mint uses; the rest of it would be loaded with the whole package. */

export { ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr'
