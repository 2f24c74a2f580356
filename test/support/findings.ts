/**
 * `npm run findings`: which of the findings (A: hostile strangers, B: failing stores and clocks, C: foreign software) have no test.
 *
 * A test carries the finding's id in its title: `[A3]`, `[B3, B4]`. Skipped and planned tests cover nothing. With
 * `--strict` it ends with 1 when one is left.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { titlesIn } from './security-checks.ts'

export const FINDINGS: Readonly<Record<string, string>> = {
  A1: 'a body of a&a&a… costs the server seconds before the caller is authenticated',
  A2: 'a few pushed requests of a stranger fill the store, and nothing can be revoked',
  A3: 'a sign-in can be taken over by anyone who learns its address',
  A4: 'an API with an HS256 secret makes tokens that open userinfo',
  A5: 'behind an undeclared proxy one stranger locks all people out',
  A6: 'right passwords count against the address they come from',
  A7: 'a token has an audience of which nothing was granted',
  A8: 'pairwise clients share a value by which they can link a person',
  A9: 'wrong guesses of a stranger lock a person out of a browser where he is signed in',
  A10: 'one network keeps the password queue full for all others',
  A11: 'the revocation log grows by the number of calls',
  A12: 'an API reads a profile with the token it was shown',
  A13: 'failed client authentication is not limited and fills the audit trail',
  A14: 'of two silent sign-ins at once one gets a dead code',
  A15: 'smaller doors: CORS null, unbounded jwks_uri, slow connections, printed control characters, spoofed messages',
  B1: 'a planned failover loses acknowledged revocations',
  B2: 'both sides of a split redeem the same code',
  B3: 'after a failover to a slower clock revocations are not heard',
  B4: 'a node whose clock is ahead trims live revocations of all nodes',
  B5: 'with a clock that stepped back tokens are issued while the store is away',
  B6: 'a full, read-only or forbidden store counts as ready',
  B7: 'two processes go on with two stores after DATA_DIR was deleted',
  B8: 'the owner’s retry after a lost reply ends the family',
  B9: 'a node whose log follower hears nothing is ready',
  B10: 'people see raw JSON, or 500, while the store is away',
  B11: 'a copied or restored store opens empty, or revives what was revoked',
  B12: 'ready before requests are served; no lame duck at SIGTERM',
  B13: 'the embedded store fails on Node 26',
  B14: 'the injected clock does not reach issued tokens',
  B15: 'the test kit changes the process that uses it',
  B16: 'the test kit’s revoke resolves before its verifiers know',
  B17: 'tests fail on a busy machine',
  B18: 'a node whose clock is off answers a revocation and does nothing',
  B19: 'a lost store gives two key rings with the same version numbers',
  B20: 'silent connections up to the file limit end the process',
  B21: 'a stalled reader of stdout stops the server',
  B22: 'a killed worker leaves connections that hang for ever',
  B23: 'a power cut loses acknowledged revocations of the embedded store',
  B24: 'what is spent stays in the store at full size',
  B25: 'a key overlap that the shipped verifier cannot follow is taken',
  C1: 'offline_access is dropped in silence, and a refresh that repeats it is refused',
  C2: 'verifiers that know the type JWT alone refuse every access token',
  C3: 'the right secret by the other method is refused, and the audit trail calls it wrong',
  C4: 'ID tokens name nobody, no session and no access token',
  C5: 'a request without a scope, or with unknown ones, ends in access_denied after the sign-in',
  C6: 'a revocation is answered with text that programs cannot read as JSON',
  C7: 'an API is unknown under the other spelling of its address',
  C8: 'no fragment response mode',
  C9: 'introspection names no subject of a machine',
  C10: 'native clients cannot use localhost, or send an empty secret',
  C11: 'a refusal leaves no line and no audit event that says what was wrong',
  C12: 'libraries that do not know EdDSA are told nowhere',
  C13: 'a rotation of the keys breaks verifiers',
}

/** The ids in the titles of the tests under `folders`, in no order. */
export function findingsIn(texts: readonly string[]): Set<string> {
  const marks = texts.flatMap((text) => [...titlesIn(text).matchAll(/\[((?:[ABC]\d+)(?:, ?[ABC]\d+)*)\]/g)])
  return new Set(marks.flatMap(([, ids = '']) => ids.split(/, ?/)))
}

function testsUnder(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.test.ts'))
  return files.map((path) => readFileSync(join(folder, path), 'utf8'))
}

function main(argv: readonly string[]): void {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const named = findingsIn(['test', 'tools'].flatMap((folder) => testsUnder(join(root, folder))))
  const left = Object.entries(FINDINGS).filter(([id]) => !named.has(id))
  const unknown = [...named].filter((id) => !Object.hasOwn(FINDINGS, id))
  console.log(`findings with a test: ${Object.keys(FINDINGS).length - left.length} of ${Object.keys(FINDINGS).length}`)
  for (const [id, name] of left) console.log(`  ${id.padEnd(4)} ${name}`)
  for (const id of unknown) console.log(`  ${id.padEnd(4)} stands in a title and is no finding`)
  if (argv.includes('--strict') && left.length + unknown.length > 0) process.exitCode = 1
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv.slice(2))
