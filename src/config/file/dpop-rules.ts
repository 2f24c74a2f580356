/** The requirements on DPoP proofs (RFC 9449), for every client. */

import { z } from 'zod'

import { mapping } from '../../registry/problems.ts'

export const dpopSchema = mapping({
  require_nonce: z
    .boolean({ error: 'true or false' })
    .default(false)
    .describe(
      'Whether a proof must hold a nonce of this server, so that none can be made in advance (RFC 9449 section 8).',
    ),
})
