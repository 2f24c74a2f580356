/** Printing what the demo does, a line a step, and counting what failed. */

export interface Tally {
  readonly passed: number
  readonly failed: number
}

export interface Steps {
  /** Begins a group; if one of its steps fails, the rest of the group is left out, and the next group begins. */
  readonly flow: (title: string, walk: () => Promise<void>) => Promise<void>
  /** One step. What `run` says is printed behind the title. Gives what `run` gives. */
  readonly step: <Result>(title: string, run: (say: (what: string) => void) => Promise<Result>) => Promise<Result>
  /** How many steps succeeded and failed so far. */
  readonly tally: () => Tally
}

/** A step did not go as it must; printed with its reason already. */
class StepFailed extends Error {}

const TITLE_WIDTH = 47

export function createSteps(print: (line: string) => void): Steps {
  let passed = 0
  let failed = 0

  return {
    tally: () => ({ passed, failed }),

    async flow(title, walk) {
      print(`\n${title}`)
      try {
        await walk()
      } catch (error) {
        if (error instanceof StepFailed) return
        failed++
        print(`  ✗ ${'between two steps'.padEnd(TITLE_WIDTH)} ${reasonOf(error)}`)
      }
    },

    async step(title, run) {
      let said = ''
      try {
        const result = await run((what) => {
          said = what
        })
        passed++
        print(`  ✓ ${title.padEnd(TITLE_WIDTH)} ${said}`.trimEnd())
        return result
      } catch (error) {
        failed++
        print(`  ✗ ${title.padEnd(TITLE_WIDTH)} ${reasonOf(error)}`)
        throw new StepFailed(title, { cause: error })
      }
    },
  }
}

/** Stops a step with a sentence when something is not as it must be. */
export function must(condition: unknown, sentence: string): asserts condition {
  if (!condition) throw new Error(sentence)
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? `${message} (${cause.message})` : message
}
