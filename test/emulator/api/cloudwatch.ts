/** Amazon CloudWatch: one action. What it was told is in the log of calls. */

import { authorise } from '../emulation.ts'
import { Refusal } from '../exchange.ts'
import { type Action, JSON_DIALECT } from './json.ts'
import { problem } from './signed.ts'

// PutMetricData takes no more at once.
const MOST_DATA = 1000
const MOST_BYTES = 1024 * 1024

/** One value that CloudWatch was told. */
export type Datum = {
  readonly MetricName: string
  readonly Dimensions: readonly { readonly Name: string; readonly Value: string }[]
  /** Seconds since 1970; now unless told. */
  readonly Timestamp?: number
  readonly Unit: string
  readonly Value: number
}

export const CLOUDWATCH_ACTIONS: Readonly<Record<string, Action>> = {
  PutMetricData({ emulation, exchange, input }) {
    const deed = { action: 'cloudwatch:PutMetricData', resource: '*' }
    authorise(emulation, exchange, deed, (message) => problem(JSON_DIALECT, 'denied', message))
    const { Namespace: namespace, MetricData: data } = input as {
      readonly Namespace?: string
      readonly MetricData?: readonly Datum[]
    }
    if (!namespace || namespace.startsWith('AWS/')) throw invalid('Namespace')
    if (!data || data.length > MOST_DATA || exchange.body.length > MOST_BYTES) {
      throw invalid('MetricData')
    }
    if (!data.every(isGood)) throw invalid('MetricData.member')
    exchange.call.input = input
    return {}
  },
}

function isGood({ MetricName, Dimensions, Timestamp = 0, Value }: Datum): boolean {
  const texts = [MetricName, ...Dimensions.flatMap(({ Name, Value: text }) => [Name, text])]
  const areTexts = texts.every((text) => /^[\x20-\x7e]{1,1024}$/.test(text))
  return areTexts && Dimensions.length <= 30 && [Timestamp, Value].every(Number.isFinite)
}

function invalid(what: string): Refusal {
  return new Refusal(400, 'InvalidParameterValueException', `The value for ${what} is invalid.`)
}
