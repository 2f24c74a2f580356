/** Durations as operators write them. */

import { z } from 'zod'

import { parseDuration } from '../base/duration.ts'

/** How long an API's access tokens live. */
export const ACCESS_TOKEN = { default: '10m', longest: '24h' } as const

/** A duration in the file (`10m`, or seconds as a number), in seconds. */
export function duration(shortest: string, longest: string): z.ZodType<number, string | number> {
  const wants = `a duration from ${shortest} to ${longest}, such as 90s, 10m, 8h or 30d`
  return z.union([z.string(), z.number()], { error: wants }).transform((text, context) => {
    const seconds = secondsOf(text)
    if (seconds !== undefined && seconds >= parseDuration(shortest) && seconds <= parseDuration(longest)) return seconds
    context.addIssue({ code: 'custom', message: wants })
    return z.NEVER
  })
}

function secondsOf(text: string | number): number | undefined {
  try {
    return parseDuration(text)
  } catch {
    return undefined
  }
}
