/** `grantor token inspect`: shows the claims of a JWT in words, and whether its signature is valid. */

import { Command, Option } from 'commander'
import {
  createRemoteJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  jwtVerify,
  type ProtectedHeaderParameters,
} from 'jose'

import { epochSeconds } from '../../base/clock.ts'
import { formatDuration } from '../../base/duration.ts'
import { withDomain } from '../domain.ts'
import { findKeys } from '../terminal/issuer.ts'
import { jsonText, timestamp, table } from '../terminal/print.ts'
import { Refused } from '../terminal/refused.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { verifyLive, verifyOwn } from './own-token.ts'

interface InspectOptions {
  readonly verify?: string
  readonly store?: boolean
  readonly json?: boolean
}

interface Inspected {
  readonly header: ProtectedHeaderParameters
  readonly payload: JWTPayload
  readonly verdict: string | undefined
  /** `undefined`: not checked, or it cannot be checked this way. */
  readonly genuine: boolean | undefined
}

type Verdict = Pick<Inspected, 'verdict' | 'genuine'>

// Standard claims whose number is a time (RFC 7519 section 4.1, OpenID Connect Core section 2).
const MOMENTS = ['exp', 'nbf', 'iat', 'auth_time', 'updated_at']
// A shared secret is published nowhere, so nothing at an issuer can check it.
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

export function tokenCommand(terminal: Terminal): Command {
  const command = new Command('token').description('look into a token')
  command
    .command('inspect')
    .argument('[token]', 'the JWT; without it, standard input is read')
    .description('decode a JWT; with --verify or --store also check it')
    .addOption(
      new Option(
        '--verify <issuer>',
        'check signature, issuer and times with the keys that the issuer at this address publishes, as an API does',
      ).conflicts('store'),
    )
    .option(
      '--store',
      'check an access token of this server with its keys, the secrets of its APIs and its revocations',
    )
    .option('--json', 'print JSON for programs')
    .addHelpText(
      'after',
      '\nA token given as an argument stays in the history of the shell; a pipe leaves no trace.\n\nExamples:\n  grantor token inspect < token.txt\n  grantor token inspect --verify https://auth.example.com < token.txt\n  grantor token inspect --store < token.txt',
    )
    .action(async (argument: string | undefined, options: InspectOptions) => {
      const { json } = options
      const token = (argument ?? (await terminal.readAll())).trim()
      const inspected = { ...decode(token), ...(await verdictOn(token, options, terminal)) }
      terminal.out(json === true ? jsonText(inspected) : describe(inspected, epochSeconds(terminal.clock)))
      if (inspected.genuine === false) throw new Refused('The token is not to be trusted.')
      if (isAsked(options) && inspected.genuine === undefined) throw new Refused('The token could not be checked.')
    })
  return command
}

function isAsked({ verify, store }: InspectOptions): boolean {
  return verify !== undefined || store === true
}

async function verdictOn(token: string, { verify, store }: InspectOptions, terminal: Terminal): Promise<Verdict> {
  if (verify !== undefined) return verifyAt(verify, token, terminal)
  return store === true ? verifyHere(token, terminal) : { verdict: undefined, genuine: undefined }
}

function decode(token: string): Pick<Inspected, 'header' | 'payload'> {
  try {
    return { header: decodeProtectedHeader(token), payload: decodeJwt(token) }
  } catch {
    throw new Refused(
      'This is no JWT: three base64url parts with dots between them are wanted. An opaque token has no readable content; use /introspect.',
    )
  }
}

/** As any API does: the issuer's metadata names itself and its keys (RFC 8414 section 3.3), and one of them must fit. */
async function verifyAt(issuer: string, token: string, terminal: Terminal): Promise<Verdict> {
  if (decodeProtectedHeader(token).alg?.startsWith('HS') === true) return { verdict: SHARED, genuine: undefined }
  const keys = createRemoteJWKSet(await findKeys(issuer))
  try {
    const { protectedHeader } = await jwtVerify(token, keys, {
      issuer,
      algorithms: ALGORITHMS,
      currentDate: new Date(terminal.clock()),
    })
    return {
      genuine: true,
      verdict: `good: signed by key ${protectedHeader.kid ?? '(unnamed)'} of ${issuer}, and in its time; whether it was revoked is not checked here, but with --store and at /introspect`,
    }
  } catch (error) {
    if (!(error instanceof errors.JOSEError) || error instanceof errors.JWKSTimeout)
      throw new Refused(`The keys of ${issuer} cannot be fetched.`)
    return { genuine: false, verdict: `bad: ${error.message}` }
  }
}

const SHARED =
  'not checked: an HS256 token is signed with a secret that its API and the server share, not with a published key; --store and /introspect check it'

/** With what the server itself has: its keys, the secrets of its APIs, and what was revoked. */
async function verifyHere(token: string, terminal: Terminal): Promise<Verdict> {
  return withDomain(terminal, async (domain) => {
    if ((await verifyLive(domain, token, 'introspection')) !== undefined) return { genuine: true, verdict: GOOD_HERE }
    const isOwn = (await verifyOwn(domain, token, 'introspection')) !== undefined
    return { genuine: false, verdict: isOwn ? 'bad: revoked' : NONE_HERE }
  })
}

const GOOD_HERE = 'good: an access token of this server, in its time, and not revoked'
const NONE_HERE =
  'bad: no access token of this server that is in its time; its signature, issuer, API, client or times do not hold'

function describe({ header, payload, verdict }: Inspected, now: number): string {
  const rows = (part: object) => Object.entries(part).map(([name, value]) => ({ name, value: words(name, value, now) }))
  const sections = [`Header\n${body(rows(header))}`, `Payload\n${body(rows(payload))}`]
  return [...sections, `Signature\n${verdict ?? 'not checked (--verify ISSUER checks it)'}`].join('\n\n')
}

/** The table without its column names. */
function body(rows: readonly { name: string; value: string }[]): string {
  return table(rows).split('\n').slice(1).join('\n')
}

function words(name: string, value: unknown, now: number): string {
  if (!MOMENTS.includes(name) || typeof value !== 'number' || !Number.isSafeInteger(value)) {
    return typeof value === 'string' ? value : JSON.stringify(value)
  }
  const away = Math.abs(value - now)
  const near = value > now ? `in ${roughly(away)}` : `${roughly(away)} ago`
  return `${value}  ${timestamp(value)}, ${near}${name === 'exp' && value <= now ? ' (expired)' : ''}`
}

/** In the largest unit that leaves at least two of it. */
function roughly(seconds: number): string {
  const unit = [86_400, 3600, 60].find((size) => seconds >= 2 * size) ?? 1
  return formatDuration(Math.floor(seconds / unit) * unit)
}
