/** The schedule of the keys: what it is unless set, and what would break a verifier. */

import { describe, expect, it } from 'vitest'

import { load, problemsOf } from './sources.ts'

describe('the key schedule', () => {
  it('is a month, five minutes of caching, a minute of margin, and no waiting, unless set', () => {
    expect(load().keys).toEqual({
      rotationSeconds: 30 * 86_400,
      maxAgeSeconds: 300,
      marginSeconds: 60,
      waitForVerifiersSeconds: 0,
    })
  })

  it('is as it is set', () => {
    const yaml = 'keys: { rotation: 7d, jwks_max_age: 10m, margin: 2m, wait_for_verifiers: 1h }'

    expect(load({ yaml }).keys).toEqual({
      rotationSeconds: 7 * 86_400,
      maxAgeSeconds: 600,
      marginSeconds: 120,
      waitForVerifiersSeconds: 3600,
    })
  })

  it('may be as short as a JWKS is kept and the margin, and not a second shorter', () => {
    expect(problemsOf({ yaml: 'keys: { rotation: 6m }' })).toEqual([])
    expect(problemsOf({ yaml: 'keys: { rotation: 359s }' })).toEqual([
      'grantor.yaml: keys.rotation is "359s"; it wants at least jwks_max_age + margin (6m).',
    ])
  })

  it('is refused when what verifiers keep is made longer than it', () => {
    expect(problemsOf({ yaml: 'keys: { rotation: 1h, jwks_max_age: 24h, margin: 1h }' })).toEqual([
      'grantor.yaml: keys.rotation is "1h"; it wants at least jwks_max_age + margin (25h).',
    ])
  })

  it('[B25] lets every key be known for longer than verifiers wait between two fetches', () => {
    expect(problemsOf({ yaml: 'keys: { jwks_max_age: 1s, margin: 30s }' })).toEqual([])
    for (const yaml of ['keys: { jwks_max_age: 1s, margin: 29s }', 'keys: { jwks_max_age: 29s, margin: 1s }']) {
      expect(problemsOf({ yaml })).toEqual([
        expect.stringMatching(
          /^grantor\.yaml: keys\.margin is "\d+s"; it wants at least 31s together with jwks_max_age/,
        ),
      ])
    }
  })

  it.each([
    ['rotation', '0s'],
    ['rotation', '366d'],
    ['jwks_max_age', '0s'],
    ['jwks_max_age', '25h'],
    ['margin', '0s'],
    ['margin', '2h'],
    ['wait_for_verifiers', '25h'],
    ['wait_for_verifiers', 'often'],
  ])('refuses %s: %s in one sentence', (name, value) => {
    expect(problemsOf({ yaml: `keys: { ${name}: ${value} }` })).toEqual([
      expect.stringMatching(new RegExp(`^grantor\\.yaml: keys\\.${name} is "${value}"; it wants .+\\.$`)),
    ])
  })

  it('knows no other setting, so that a misspelt one does not silently do nothing', () => {
    expect(problemsOf({ yaml: 'keys: { max_age: 5m }' })).toEqual([expect.stringContaining('max_age')])
  })
})
