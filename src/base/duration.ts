/** Lifetimes as people write them: `90s`, `10m`, `8h`, `30d`. */

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/**
 * The seconds in a duration such as `10m`; a bare number counts as seconds.
 *
 * Throws a `TypeError` that says what was read and what is accepted.
 */
export function parseDuration(text: string | number): number {
  const match = /^(\d{1,9})([smhd]?)$/.exec(String(text).trim())
  if (match === null) throw new TypeError(`"${text}" is not a duration: write 90s, 10m, 8h or 30d`)
  const unit = (match[2] || 's') as keyof typeof SECONDS
  return Number(match[1]) * SECONDS[unit]
}

/** The duration in the largest unit that divides it: 600 → `10m`. */
export function formatDuration(seconds: number): string {
  for (const unit of ['d', 'h', 'm'] as const) {
    if (seconds > 0 && seconds % SECONDS[unit] === 0) return `${seconds / SECONDS[unit]}${unit}`
  }
  return `${seconds}s`
}
