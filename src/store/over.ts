/** Replacing what was read, and nothing else. */

import type { Entry, PutOptions } from './store.ts'

/**
 * The condition of a put: still absent if nothing was read, else still this version. A caller that loses reads again.
 */
export function over(read: Pick<Entry, 'version'> | undefined): Pick<PutOptions, 'ifAbsent' | 'ifVersion'> {
  return read === undefined ? { ifAbsent: true } : { ifVersion: read.version }
}
