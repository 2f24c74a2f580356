/** The only code that reads `process.env`. */

export type Environment = Readonly<Record<string, string | undefined>>

export function environment(): Environment {
  return process.env
}
