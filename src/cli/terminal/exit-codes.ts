/** A command that worked ends with a code of its own: `plan` found a difference. */

export class EndsWith extends Error {
  readonly exitCode: number

  constructor(exitCode: number) {
    super(`ends with ${exitCode}`)
    this.exitCode = exitCode
  }
}
