/**
 * Browsers in which an account signed in before.
 *
 * After a sign-in the browser keeps a cookie that proves it (the device cookie of OWASP's article "Slow Down Online
 * Guessing Attacks with Device Cookies"). An attacker does not have the cookie, so wrong passwords of a known device
 * have their own count. The cookie is not a sign-in. It is valid for one account, for a year, and until the
 * access of that account ends, for example with a new password. The server stores nothing of it: the cookie is a hash
 * under a key of the ring.
 */

import { timingSafeEqual } from 'node:crypto'

import { type Clock, epochSeconds } from '../base/clock.ts'
import { randomId } from '../base/ids.ts'
import { createKeyedHash } from '../base/keyed-hash.ts'
import type { Account } from './account.ts'

export interface KnownDevices {
  /**
   * The id of this browser for the account; `undefined` when it is not a known device. Takes the same time when the
   * account does not exist, so the duration does not reveal that.
   */
  find(cookie: string | undefined, account: Account | undefined): string | undefined
  /** The cookie to keep after a sign-in at `signedInAt` (epoch seconds). Other accounts of the browser stay in it. */
  remember(cookie: string | undefined, account: Account, signedInAt: number): string
}

/** How long a device stays known without another sign-in. */
export const DEVICE_SECONDS = 365 * 86_400

// The number of people who share one browser. Each takes about 75 characters of the cookie.
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
  /** From the ring. */
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

/** Text in the form of a proof. Its account and its validity are not checked yet. */
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
