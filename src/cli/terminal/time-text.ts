/** Times and durations as parts of a sentence: `14:32:10 UTC (in 6 min)`. */

import { timestamp } from './print.ts'

const UNITS = [
  { seconds: 86_400, name: 'days' },
  { seconds: 3600, name: 'h' },
  { seconds: 60, name: 'min' },
] as const

/**
 * In the largest unit of which there are at least two: 360 → `6 min`. Rounded up, so that the text never names too
 * early a time.
 */
export function roughly(seconds: number): string {
  const unit = UNITS.find((one) => seconds >= 2 * one.seconds)
  return unit === undefined ? `${seconds} s` : `${Math.ceil(seconds / unit.seconds)} ${unit.name}`
}

/** From when on something is so; what is due is done by the next server that looks, which is every second. */
export function from(epochSeconds: number, now: number): string {
  if (epochSeconds <= now) return `as soon as a server takes the step (due since ${clockTime(epochSeconds, now)})`
  return `from ${clockTime(epochSeconds, now)} (in ${roughly(epochSeconds - now)})`
}

/** Its day only where it is not today. */
function clockTime(epochSeconds: number, now: number): string {
  const [text, today] = [timestamp(epochSeconds), timestamp(now)]
  const isToday = text.slice(0, DAY) === today.slice(0, DAY)
  return isToday ? text.slice(DAY + 1) : text
}

const DAY = '2030-01-01'.length
