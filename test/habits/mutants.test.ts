import { describe, expect, it } from 'vitest'

import { applied, mutantsOf, sampled } from '../../tools/mutate/mutants.ts'

const changed = (text: string) => mutantsOf('a.ts', text).map((mutant) => applied(text, mutant))

describe('a mutant', () => {
  it.each([
    ['a === b', ['a !== b']],
    ['a < b && c', ['a < b || c', 'a <= b && c']],
    ['a ? b : c', ['!(a) ? b : c']],
    ['x = !a', ['x = a']],
    ['x = [true, 1]', ['x = [false, 1]', 'x = [true, 2]']],
    ['if (a) b', ['if (true) b', 'if (false) b']],
    ['call()', ['{}']],
    ['await call()', ['{}']],
    ["x = 'a === b' // a < b", []],
  ])('of %s is one change', (text, expected) => {
    expect(changed(text).toSorted()).toEqual(expected.toSorted())
  })

  it('is one of an even sample when there are too many', () => {
    expect(sampled([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 3)).toEqual([0, 3, 6])
    expect(sampled([1, 2], 3)).toEqual([1, 2])
  })
})
