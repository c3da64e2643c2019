/** Puts counts to CloudWatch. */

import { oneLine, UserError } from '../domain/errors.ts'
import type { Environment } from '../front/places.ts'
import { credentialsOf } from './credentials.ts'
import { handlerFor, rejection } from './handler.ts'

/** How often something happened, told apart by dimensions. */
export type Count = {
  readonly metric: string
  readonly dimensions: Readonly<Record<string, string>>
  readonly value: number
}

export type CloudWatchOptions = {
  /** Without one the SDK finds it. */
  readonly region?: string | undefined
  readonly env: Environment
}

export type CloudWatch = {
  /**
   * One call, for up to 1000. Throws a UserError.
   * API: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
   */
  readonly put: (
    namespace: string,
    counts: readonly Count[],
    options: { readonly at: number; readonly signal: AbortSignal },
  ) => Promise<void>
  readonly close: () => void
}

/** One client, which keeps its credentials between calls. */
export async function openCloudWatch({ region, env }: CloudWatchOptions): Promise<CloudWatch> {
  const { CloudWatchClient, PutMetricDataCommand } = await import('./cloudwatch-client.ts')
  const settings = { ...(region && { region }), ...(await handlerFor(env)) }
  const credentials = await credentialsOf({}, { ...settings, env })
  const client = new CloudWatchClient({ ...settings, credentials })
  return {
    close: () => settings.requestHandler.destroy(),
    async put(namespace, counts, { at, signal }) {
      const data = counts.map(({ metric, dimensions, value }) => ({
        MetricName: metric,
        Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
        Timestamp: new Date(at),
        Unit: 'Count' as const,
        Value: value,
      }))
      const command = new PutMetricDataCommand({ Namespace: namespace, MetricData: data })
      try {
        await Promise.race([client.send(command, { abortSignal: signal }), rejection(signal)])
      } catch (error) {
        throw explained(error as Error)
      }
    },
  }
}

function explained(error: Error): UserError {
  const { name, message } = error
  // Its message may quote what a credential process printed.
  if (/Provider/.test(name)) {
    const text = 'no AWS credentials; the sidecar needs some that allow cloudwatch:PutMetricData'
    return new UserError('NO_CREDENTIALS', text, { cause: error })
  }
  if (/Region is missing/.test(message)) {
    return new UserError('CONFIG', 'no region; set REGION', { cause: error })
  }
  return new UserError('AWS_REFUSED', `${name}: ${oneLine(message)}`, { cause: error })
}
