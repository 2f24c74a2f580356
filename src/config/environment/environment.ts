/** The one place that touches `process.env`; everybody else is handed what this returns. */

export type Environment = Readonly<Record<string, string | undefined>>

export function environment(): Environment {
  return process.env
}
