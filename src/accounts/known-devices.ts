/**
 * Browsers in which an account signed in before.
 *
 * After a sign-in the browser keeps a cookie that proves it (the device cookie of OWASP's article "Slow Down Online Guessing
 * Attacks with Device Cookies"). A stranger who guesses cannot have it, so his guesses and those of a known device are
 * counted apart. The cookie signs nobody in. It is good for one account, for a year, and until the access of that account
 * ends, as it does with a new password. Nothing of it is stored: a hash under a key of the ring makes it.
 */

import { timingSafeEqual } from 'node:crypto'

import { type Clock, epochSeconds } from '../base/clock.ts'
import { randomId } from '../base/ids.ts'
import { createKeyedHash } from '../base/keyed-hash.ts'
import type { Account } from './account.ts'

export interface KnownDevices {
  /**
   * The id of this browser with the account; `undefined` when it is not known there. Takes as long where there is no account,
   * so that it does not tell who has one.
   */
  find(cookie: string | undefined, account: Account | undefined): string | undefined
  /** What the browser keeps after a sign-in at `signedInAt` (epoch seconds): its other accounts stay in it. */
  remember(cookie: string | undefined, account: Account, signedInAt: number): string
}

/** How long a browser is known without another sign-in. */
export const DEVICE_SECONDS = 365 * 86_400

// The people who share one browser; each takes some 75 characters of a cookie.
const MOST_ACCOUNTS = 5
const ID_BYTES = 16

const BETWEEN = '~'
const PROOF = /^([\w-]{22})\.([0-9a-z]{1,9})\.([\w-]{43})$/

interface Proof {
  readonly text: string
  readonly id: string
  /** Epoch seconds. */
  readonly signedInAt: number
  readonly hash: string
}

export interface KnownDevicesParts {
  readonly clock: Clock
  /** Of the ring. */
  readonly storeKey: Uint8Array
}

export function createKnownDevices({ clock, storeKey }: KnownDevicesParts): KnownDevices {
  const hash = createKeyedHash(storeKey, 'known devices')
  const hashOf = (accountId: string, id: string, signedInAt: number) => hash(`${accountId}\n${id}\n${signedInAt}`)

  function isOf(account: Account | undefined, { id, signedInAt, hash: given }: Proof): boolean {
    const { id: accountId = '', accessEndedAt = 0 } = account ?? {}
    const isGenuine = timingSafeEqual(Buffer.from(given), Buffer.from(hashOf(accountId, id, signedInAt)))
    const isInTime = signedInAt > accessEndedAt && signedInAt + DEVICE_SECONDS > epochSeconds(clock)
    return isGenuine && isInTime && account !== undefined
  }

  return {
    find: (cookie, account) => proofsIn(cookie).find((proof) => isOf(account, proof))?.id,

    remember(cookie, account, signedInAt) {
      const others = proofsIn(cookie).filter((proof) => !isOf(account, proof))
      const id = randomId(ID_BYTES)
      const proof = `${id}.${signedInAt.toString(36)}.${hashOf(account.id, id, signedInAt)}`
      return [proof, ...others.map(({ text }) => text)].slice(0, MOST_ACCOUNTS).join(BETWEEN)
    },
  }
}

/** What has the form of a proof; whose it is, and whether it is one, is not known yet. */
function proofsIn(cookie = ''): Proof[] {
  return cookie
    .split(BETWEEN, MOST_ACCOUNTS)
    .map((text) => PROOF.exec(text))
    .filter((found) => found !== null)
    .map(([text, id = '', signedInAt = '', hash = '']) => ({
      text,
      id,
      hash,
      signedInAt: Number.parseInt(signedInAt, 36),
    }))
}
