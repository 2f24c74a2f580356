/** `grantor keys verify`: whether the ring is whole, and whether what a server publishes is the ring. */

import { isDeepStrictEqual } from 'node:util'
import type { Command } from 'commander'

import { privateMembersIn, publicHalf } from '../../base/jwk-members.ts'
import type { Config } from '../../config/config.ts'
import type { Keyring, KeySummary, LiveKeyring } from '../../keyring/keyring.ts'
import { withDomain } from '../domain.ts'
import { fetchObject, findKeys, IssuerSilent } from '../terminal/issuer.ts'
import { nameOf } from './key-states.ts'
import { roughly } from '../terminal/time-text.ts'
import { JSON_OPTION, jsonText } from '../terminal/print.ts'
import { Refused } from '../terminal/refused.ts'
import type { Terminal } from '../terminal/terminal.ts'

interface VerifyOptions {
  readonly issuer?: string
  readonly json?: boolean
}

export function addVerify(parent: Command, terminal: Terminal): void {
  parent
    .command('verify')
    .description(
      'check that the root key opens the ring, that one key of each algorithm signs, that every overlap is kept, and that the server publishes these keys and no others',
    )
    .option('--issuer <url>', 'the server to ask; without it the one of the settings, if it runs')
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExamples:\n  grantor keys verify\n  grantor keys verify --issuer https://auth.example.com')
    .action(async ({ issuer, json }: VerifyOptions) => {
      await withDomain(terminal, async ({ config, keyring }) => {
        const ofRing = problemsOfRing(keyring.current(), config)
        const published = await comparePublished(issuer, config, keyring)
        const problems = [...ofRing, ...(published ?? [])]
        const { version, rootKeyId, keys } = keyring.current()
        if (json === true) {
          const report = { ok: problems.length === 0, version, root_key: rootKeyId, asked: published !== undefined }
          terminal.out(jsonText({ ...report, problems }))
        } else if (problems.length === 0) {
          terminal.out(
            `The ring is whole: version ${version}, ${keys.length} keys, sealed under root key ${rootKeyId}. ${published === undefined ? `No server answers at ${config.issuer}, so what it publishes was not compared.` : 'The server publishes exactly these keys.'}`,
          )
        }
        if (problems.length > 0) throw new Refused(problems.join('\n'))
      })
    })
}

/** A sentence for each. That the ring was opened at all is the proof of its root key. */
function problemsOfRing({ keys }: Keyring, { keys: rules }: Config): string[] {
  const algorithms = [...new Set(keys.map(({ algorithm }) => algorithm))]
  return [
    ...algorithms.flatMap((algorithm) => problemsOfAlgorithm(keys.filter((key) => key.algorithm === algorithm))),
    ...keys.filter(({ state }) => state === 'next').flatMap((key) => shortOverlap(key, rules)),
  ]
}

function problemsOfAlgorithm(keys: readonly KeySummary[]): string[] {
  const algorithm = keys[0]?.algorithm
  const signing = keys.filter(({ state }) => state === 'signing').length
  const coming = keys.filter(({ state }) => state === 'next').length
  return [
    ...(signing === 1 ? [] : [`${signing} keys sign with ${algorithm}; there must be one.`]),
    ...(coming <= 1 ? [] : [`${coming} keys of ${algorithm} are to sign next; there may be one.`]),
  ]
}

function shortOverlap(key: KeySummary, { maxAgeSeconds, marginSeconds }: Config['keys']): string[] {
  const published = key.changesAt - key.createdAt
  const least = maxAgeSeconds + marginSeconds
  if (published >= least) return []
  return [
    `${nameOf(key)} is to sign ${roughly(published)} after it was published, but verifiers may keep a JWKS for ${roughly(least)}: run grantor keys retire -- ${key.keyId}, unless keys.jwks_max_age was raised since.`,
  ]
}

// A server follows the ring within a second; what still differs after two does not follow.
const LOOKS = 3
const LOOK_PAUSE_MS = 1000

/** The problem with what the server publishes; `undefined` when no server had to answer and none did. */
async function comparePublished(
  issuer: string | undefined,
  config: Config,
  keyring: LiveKeyring,
): Promise<string[] | undefined> {
  try {
    const address = await findKeys(issuer ?? config.issuer)
    for (let look = 1; ; look++) {
      const problems = differences(await keyring.refresh(), await fetchJwks(address))
      if (problems.length === 0 || look === LOOKS) return problems
      await new Promise((resolve) => setTimeout(resolve, LOOK_PAUSE_MS))
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return error instanceof IssuerSilent && issuer === undefined ? undefined : [error.message]
  }
}

type Jwk = Readonly<Record<string, unknown>>

async function fetchJwks(address: URL): Promise<readonly Jwk[]> {
  try {
    const { keys } = await fetchObject(address)
    if (Array.isArray(keys)) return keys as Jwk[]
  } catch {
    // One sentence for no answer and for an invalid answer.
  }
  throw new Refused(`${address.href} does not answer with a JWKS.`)
}

function differences({ publicJwks, keys }: Keyring, published: readonly Jwk[]): string[] {
  const ours = publicJwks.flatMap((jwk) => {
    const found = published.find(({ kid }) => kid === jwk.kid)
    const key = nameOf(keys.find(({ keyId }) => keyId === jwk.kid) ?? { algorithm: jwk.alg, keyId: jwk.kid })
    if (found === undefined) return [`The server does not publish ${key}.`]
    return isDeepStrictEqual(publicHalf(found), jwk) ? [] : [`The server publishes ${key} with other contents.`]
  })
  const strange = published.filter(({ kid }) => !publicJwks.some((jwk) => jwk.kid === kid))
  const leaking = published.filter((jwk) => privateMembersIn(jwk).length > 0)
  return [
    ...ours,
    ...strange.map(({ kid }) => `The server publishes a key that the ring does not have: ${String(kid)}.`),
    ...leaking.map(({ kid }) => `The server publishes the private half of ${String(kid)}.`),
  ]
}
