/** The defaults of a client that the server itself defines: those of the demo, and the account pages. */

/** A public client that may do nothing yet. */
export const PLAIN_CLIENT = {
  applicationType: 'web',
  authMethod: 'none',
  secretHash: undefined,
  jwks: undefined,
  jwksUri: undefined,
  redirectUris: [],
  postLogoutRedirectUris: [],
  scopes: [],
  firstParty: false,
  legacyWithoutPkce: false,
  refreshRotation: 'auto',
  refreshIdempotentSeconds: undefined,
  logoUri: undefined,
  subjectType: 'public',
} as const
