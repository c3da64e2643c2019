/** Of the SDK's client, what a mint for the gallery uses. */

export { ECRPUBLICClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr-public'
