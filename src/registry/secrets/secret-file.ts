/** Secrets that the operator keeps in files of their own. */

import { shown } from '../problems.ts'

/** Gives the text of a file, or throws. */
export type ReadFile = (path: string) => string

/** The secret in a file, without the line break at its end; `undefined` and a problem when it cannot be read. */
export function readSecretFile(name: string, path: string, readFile: ReadFile, problems: string[]): string | undefined {
  try {
    return readFile(path).replace(/\r?\n$/, '')
  } catch {
    problems.push(`${name} is ${shown(path)}; it wants the path of a file that this process may read.`)
    return undefined
  }
}

/** For settings that a running server gets: they name no files of the server. */
export function noFile(): never {
  throw new TypeError('secrets are read from files where grantor.yaml or a command names them')
}
