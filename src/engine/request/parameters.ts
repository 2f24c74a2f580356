/**
 * How many parameters a request may have, counted before anything parses them.
 *
 * The parsers build a string, a pair and a property for each parameter before the caller is known. Counting separators is
 * one pass over the bytes, whatever stands between them.
 */

/** The largest honest request has some thirty; repeated `resource` parameters are the only ones without a fixed number. */
export const MOST_PARAMETERS = 100

const SEPARATOR = '&'

/** Whether a query or a form has more than `most` parameters. */
export function hasTooManyParameters(encoded: Buffer | string, most = MOST_PARAMETERS): boolean {
  let separators = 0
  for (let at = encoded.indexOf(SEPARATOR); at >= 0; at = encoded.indexOf(SEPARATOR, at + 1)) {
    if (++separators >= most) return true
  }
  return false
}
