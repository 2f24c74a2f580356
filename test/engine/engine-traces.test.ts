import { errors } from 'oidc-provider'
import { describe, expect, it } from 'vitest'

import { spareTraces } from '../../src/engine/request/errors.ts'

describe('the errors of the engine', () => {
  it('have no traces in a process of the server, and all others have theirs', () => {
    spareTraces()

    expect(new errors.InvalidToken('made here').stack).not.toContain('engine-traces.test.ts')
    expect(new errors.InvalidRequest('made here')).toBeInstanceOf(errors.OIDCProviderError)
    expect(new TypeError('made here').stack).toContain('engine-traces.test.ts')
    const captured = { stack: '' }
    Error.captureStackTrace(captured)
    expect(captured.stack).toContain('engine-traces.test.ts')
  })
})
