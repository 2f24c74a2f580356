/** What a report of vitest says, and which of its failures may be tried again. */

/** The part of vitest's JSON report that is read. */
export interface Report {
  readonly numPassedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly {
    /** The path of the test file. */
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly Assertion[]
  }[]
}

interface Assertion {
  readonly fullName: string
  readonly status: string
  readonly failureMessages?: readonly string[]
}

export interface Failure {
  readonly file: string
  readonly title: string
  readonly message: string
}

/** A file that fails outside its tests, or before them, counts as one failure. */
export function failuresIn({ testResults }: Report): Failure[] {
  return testResults.flatMap(({ name: file, status, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed')
    if (failed.length === 0) return status === 'failed' ? [{ file, title: '(the whole file)', message: '' }] : []
    return failed.map(({ fullName, failureMessages = [] }) => {
      return { file, title: fullName, message: failureMessages.join('\n') }
    })
  })
}

// More than a few failures are no matter of time.
const MOST_FILES = 3

/** Tests that look for a fault at random moments or with random input: what they find once is a fault. */
const SEARCHES = /races|kill|slice|interleavings/
const RANDOM_INPUT = /from 'fast-check'/
/** The test only waited too long. */
const LATE = /timed out|did not succeed in time|did not listen in time/i

export function mayRunAgain(failures: readonly Failure[], textOf: (file: string) => string): boolean {
  const files = new Set(failures.map(({ file }) => file))
  return (
    files.size <= MOST_FILES &&
    failures.every((failure) => LATE.test(failure.message) || !isSearch(failure.file, textOf))
  )
}

function isSearch(file: string, textOf: (file: string) => string): boolean {
  return SEARCHES.test(file) || RANDOM_INPUT.test(textOf(file))
}

/** `failed`: how many failures are left; `recovered`: how many passed the second time. */
export function summary(
  report: Report,
  { failed, recovered }: { failed: number; recovered: number },
): { readonly line: string; readonly isGood: boolean } {
  const skipped = report.numPendingTests + report.numTodoTests
  const passed = report.numPassedTests + recovered
  return {
    line: `${passed} passed, ${failed} failed, ${skipped} skipped`,
    isGood: failed === 0 && report.numPassedTests > 0,
  }
}
