/** Machines: tokens by secret, and by assertions that are presented twice on purpose. */

import { randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'

import { timesOf } from './browsers.ts'
import { post, textOf } from './calls.ts'
import { endUntilAcknowledged } from './enders.ts'
import { nameOf } from './estate.ts'
import { MACHINE, SCOPE, SIGNER } from './fleet.ts'
import type { Stage } from './load.ts'
import { look } from './probes.ts'

const LONGEST_REPLAY_MS = 45_000

export async function useMachineTokens(stage: Stage): Promise<void> {
  const params = { grant_type: 'client_credentials', scope: SCOPE }
  const answer = await post(stage.fleet.urls, stage.node(), '/token', params, MACHINE)
  stage.record({ kind: 'request', what: 'a machine token', ...timesOf(answer) })
  const token = textOf(answer, 'access_token')
  if (token === undefined) return
  const { node, startMs, endMs } = answer
  const issued = { node, startMs, endMs }
  const access = { token, subjects: [`access-${nameOf(token)}`], issued }
  await look(stage, access)
  if (!stage.chance.happens(0.4)) return
  const [subject = ''] = access.subjects
  const isEnded = await endUntilAcknowledged(stage, 'revocation', subject, (node) =>
    post(stage.fleet.urls, node, '/revoke', { token }, MACHINE),
  )
  if (isEnded) stage.estate.ended.push({ subject, access, family: undefined })
}

export async function presentAssertions(stage: Stage): Promise<void> {
  const assertion = await newAssertion(stage)
  const artefact = stage.estate.name('assertion')
  const present = async (node: number, isExpected: boolean) => {
    const answer = await post(stage.fleet.urls, node, '/token', {
      ...{ grant_type: 'client_credentials', scope: SCOPE, client_assertion: assertion },
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    })
    stage.record({ kind: 'use', artefact, subjects: [], isExpected, ...timesOf(answer) })
  }
  const [first, second] = stage.twoNodes()
  if (stage.chance.happens(0.5)) await Promise.all([present(first, false), present(second, false)])
  else await present(stage.node(), true)
  const dueMs = performance.now() + stage.chance.between(0, LONGEST_REPLAY_MS)
  stage.estate.replays.push({ dueMs, present: () => present(stage.anyNode(), false) })
}

function newAssertion({ fleet }: Stage): Promise<string> {
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
