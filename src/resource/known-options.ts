/** Refuses unknown options: a misspelt option, or one of another library, must not be ignored silently. */

/** Throws a `TypeError` that names the first option which is not among these. */
export function refuseUnknownOptions(of: string, options: object, names: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !names.includes(name))
  if (unknown !== undefined) throw new TypeError(`${of} has no option "${unknown}"`)
}
