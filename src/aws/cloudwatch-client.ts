/** Of the SDK's client, what a put uses; the rest of it would be loaded with the whole package. */

export { CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch'
