/** The states and changes of keys as text, with times. */

import type { KeySummary } from '../../keyring/keyring.ts'
import { from } from '../terminal/time-text.ts'

/** What becomes of a key next. */
export function nextChange({ state, changesAt }: KeySummary, now: number): string {
  if (state === 'next') return `signs ${from(changesAt, now)}`
  if (state === 'signing') return `its successor signs ${from(changesAt, now)}`
  return `gone ${from(changesAt, now)}`
}

/** The first thing that will happen to the ring. */
export function nextEvent(keys: readonly KeySummary[], now: number): string {
  const coming = keys.filter(({ state }) => state === 'next')
  if (coming.length > 0) return signsFrom(coming, now)
  const first = keys.filter(({ state }) => state === 'signing').toSorted((a, b) => a.changesAt - b.changesAt)[0]
  if (first === undefined) return 'The ring is empty.'
  return `The next to rotate is ${nameOf(first)}: its successor is published in time and signs ${from(first.changesAt, now)}.`
}

/** When keys that are published begin to sign. */
export function signsFrom(coming: readonly KeySummary[], now: number): string {
  const times = [...new Set(coming.map(({ changesAt }) => changesAt))].sort((a, b) => a - b)
  const sentences = times.map((at) => {
    const names = coming.filter(({ changesAt }) => changesAt === at).map(nameOf)
    return `${listed(names)} ${names.length === 1 ? 'signs' : 'sign'} ${from(at, now)}`
  })
  return `${sentences.join('; ')}; until then nothing changes.`
}

/** A key as people recognise it: its algorithm, and enough of its name. */
export function nameOf({ algorithm, keyId }: Pick<KeySummary, 'algorithm' | 'keyId'>): string {
  return `${algorithm} ${short(keyId)}`
}

function short(keyId: string): string {
  return keyId.length > SHOWN ? `${keyId.slice(0, SHOWN)}…` : keyId
}

const SHOWN = 6

export function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? ''
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`
}
