/**
 * Our faults in the engine's words.
 *
 * The engine passes on the errors it knows and turns all others into `server_error` 500. A store or an outside signer
 * that does not answer must become 503 `temporarily_unavailable`, so it is translated here, at every place where the
 * engine calls us.
 */

import { errors } from 'oidc-provider'

import { Fault } from '../../faults/fault.ts'
import { SignerUnavailable } from '../../faults/keyring.ts'
import { StoreFull, StoreUnavailable, StrangersBounded } from '../../faults/store.ts'
import { faultText } from '../../i18n/fault-text.ts'
import { requestScope } from './scope.ts'

/**
 * Runs a call from the engine into our code; a `Fault` becomes an error that the engine passes on.
 *
 * The engine continues after an error (it still saves the session). A request that has waited for the store once does
 * not wait again.
 */
export async function answering<T>(work: () => Promise<T>): Promise<T> {
  const scope = requestScope()
  if (scope.fault instanceof StoreUnavailable) throw asEngineError(scope.fault)
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    scope.fault = error
    throw asEngineError(error)
  }
}

/** Temporary states: the client is told so, and when to try again. */
const PASSING = [StoreUnavailable, StoreFull, SignerUnavailable, StrangersBounded]

export function asEngineError(fault: Fault): Error {
  if (!PASSING.some((kind) => fault instanceof kind)) return fault
  const error = new errors.OIDCProviderError(fault.status, 'temporarily_unavailable')
  return Object.assign(error, {
    expose: true,
    // A page with 503 and Retry-After, not a redirect: whether the request is a good one could not be looked up.
    allow_redirect: false,
    error_description: faultText(fault),
    error_detail: fault.detail,
    fault,
  })
}

/** Runs what a page asks of the engine; what became an error of the engine on the way is a `Fault` again. */
export async function inOurWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw (error as { fault?: Fault }).fault ?? error
  }
}

const captureStackTrace = Error.captureStackTrace.bind(Error)

/**
 * The engine's errors are responses to clients; only code and detail are logged. The engine makes three for every
 * response of userinfo in case it needs them, and takes two stack traces of each. That was a tenth of the time of a
 * userinfo request, so these errors have no trace. All other errors have one.
 *
 * This changes `Error` for the whole process, so it is used only in the server's own process.
 */
export function spareTraces(): void {
  Object.setPrototypeOf(errors.OIDCProviderError, Untraced)
  Error.captureStackTrace = function captureUnlessAnswer(target, until) {
    if (!(target instanceof errors.OIDCProviderError)) captureStackTrace(target, until)
  }
}

class Untraced extends Error {
  constructor(message?: string, options?: ErrorOptions) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(message, options)
    Error.stackTraceLimit = stackTraceLimit
  }
}
