/** Where the sample APIs are reached. */

/** Where each API answers, as the clients see it. */
export interface ApiAddresses {
  readonly orders: string
  readonly inventory: string
  readonly reports: string
}
