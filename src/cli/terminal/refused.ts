/** A command cannot do what it was asked; the message says why and what would help. */
export class Refused extends Error {}
