/** Machines: tokens by secret, and by assertions that are presented twice on purpose. */

import { randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'

import { timesOf } from './browsers.ts'
import { post, textOf } from './calls.ts'
import { endUntilAcknowledged } from './revoking.ts'
import { nameOf } from './live-state.ts'
import { MACHINE, SCOPE, SIGNER } from './fleet.ts'
import type { LoadContext } from './load.ts'
import { look } from './probes.ts'

const LONGEST_REPLAY_MS = 45_000

export async function useMachineTokens(context: LoadContext): Promise<void> {
  const params = { grant_type: 'client_credentials', scope: SCOPE }
  const answer = await post(context.fleet.urls, context.node(), '/token', params, MACHINE)
  context.record({ kind: 'request', what: 'a machine token', ...timesOf(answer) })
  const token = textOf(answer, 'access_token')
  if (token === undefined) return
  const { node, startMs, endMs } = answer
  const issued = { node, startMs, endMs }
  const access = { token, subjects: [`access-${nameOf(token)}`], issued }
  await look(context, access)
  if (!context.chance.happens(0.4)) return
  const [subject = ''] = access.subjects
  const isEnded = await endUntilAcknowledged(context, 'revocation', subject, (node) =>
    post(context.fleet.urls, node, '/revoke', { token }, MACHINE),
  )
  if (isEnded) context.state.ended.push({ subject, access, family: undefined })
}

export async function presentAssertions(context: LoadContext): Promise<void> {
  const assertion = await newAssertion(context)
  const artefact = context.state.name('assertion')
  const present = async (node: number, isExpected: boolean) => {
    const answer = await post(context.fleet.urls, node, '/token', {
      ...{ grant_type: 'client_credentials', scope: SCOPE, client_assertion: assertion },
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    })
    context.record({ kind: 'use', artefact, subjects: [], isExpected, ...timesOf(answer) })
  }
  const [first, second] = context.twoNodes()
  if (context.chance.happens(0.5)) await Promise.all([present(first, false), present(second, false)])
  else await present(context.node(), true)
  const dueMs = performance.now() + context.chance.between(0, LONGEST_REPLAY_MS)
  context.state.replays.push({ dueMs, present: () => present(context.anyNode(), false) })
}

function newAssertion({ fleet }: LoadContext): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: 'ES256', kid: 'chaos' })
    .setIssuer(SIGNER)
    .setSubject(SIGNER)
    .setAudience(fleet.issuer)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(fleet.assertionKey)
}
