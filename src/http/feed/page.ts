/** The revocations for readers that poll: one page as JSON. */

import type { ServerResponse } from 'node:http'

import type { RevocationLog } from '../../revocation/revocation-log.ts'

export interface PageRequest {
  readonly after: string | undefined
  readonly limit: number
}

const LIMIT = { default: 500, most: 1000 }

/** The parsed query; `undefined` when it is invalid. */
export function readPageRequest(query: URLSearchParams): PageRequest | undefined {
  const [after, ...others] = query.getAll('after')
  const [limit = String(LIMIT.default), ...otherLimits] = query.getAll('limit')
  if (others.length > 0 || otherLimits.length > 0 || after === '' || !/^[1-9]\d{0,3}$/.test(limit)) return undefined
  return Number(limit) > LIMIT.most ? undefined : { after, limit: Number(limit) }
}

/** `completeAtMs`, in epoch milliseconds: up to then, what follows the last page is all there was. */
export function sendPage(
  res: ServerResponse,
  { after, limit }: PageRequest,
  { revocationLog, completeAtMs }: { revocationLog: Pick<RevocationLog, 'read'>; completeAtMs: number },
): void {
  const { entries, cursor, more, fromStart } = revocationLog.read(after, limit)
  const now = Math.floor(completeAtMs / 1000)
  const body = JSON.stringify({ revocations: entries, cursor, more, from_start: fromStart, now })
  res.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' })
  res.end(body)
}
