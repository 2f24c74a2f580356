/** The engine as other folders see it: they import this file of it and no other. Only app.ts, which composes, opens it (open.ts). */

export type { EnginePages } from './configuration/browsers.ts'
export { createAccessTokens } from './access-tokens/access-tokens.ts'
export { grantIdIn, handleKey, modelOf } from './adapter/handles.ts'
export { CLOCK_TOLERANCE_SECONDS } from './clock-tolerance.ts'
export type { CurrentEngine, Engine } from './current.ts'
export { documentOf, type PreparedDocument } from './documents.ts'
export type { BrowserSessions } from './interactions/browser-sessions.ts'
export type { Interaction, Interactions, WaysOut } from './interactions/interactions.ts'
export { ENGINE_PATHS, LOGOUT_CONFIRMATION, OAUTH_METADATA, OPENID_METADATA, REVOCATIONS } from './paths.ts'
export { ENGINE_MOST_BYTES, readBody } from './request/body.ts'
export { LONG_TOKEN_MOST_BYTES } from './request/long-tokens.ts'
export { hasTooManyParameters, MOST_PARAMETERS } from './request/parameters.ts'
