/** Replacing what was read, and nothing else. */

import type { Entry, PutOptions } from './store.ts'

/** The condition of a put: still nothing where nothing was read, else still this version. Whoever loses reads again. */
export function over(read: Pick<Entry, 'version'> | undefined): Pick<PutOptions, 'ifAbsent' | 'ifVersion'> {
  return read === undefined ? { ifAbsent: true } : { ifVersion: read.version }
}
