/**
 * The process of a developer who tests an API: prints what an issuer and a verifier changed in it, while they ran and after
 * they were closed, and what they made it warn of.
 */

const BUILT_IN = [
  globalThis,
  process,
  console,
  ...[
    Error,
    Object,
    Array,
    Function,
    Promise,
    Map,
    Set,
    String,
    Number,
    Date,
    JSON,
    Buffer,
    URL,
    Math,
    Reflect,
  ].flatMap((known): object[] =>
    'prototype' in known && typeof known.prototype === 'object' ? [known, known.prototype] : [known],
  ),
]

/** Everything that is the same for all who share a process, by name. */
function everything(): Map<string, unknown> {
  const all = new Map<string, unknown>()
  for (const [index, object] of BUILT_IN.entries()) {
    for (const name of Reflect.ownKeys(object)) {
      const { value, get, set } = Object.getOwnPropertyDescriptor(object, name) ?? {}
      all.set(`${index}.${String(name)}`, value ?? get ?? set)
    }
  }
  for (const event of process.eventNames()) all.set(`on ${String(event)}`, process.listenerCount(event))
  all.set('env', JSON.stringify(process.env))
  all.set('arguments', JSON.stringify([process.argv, process.execArgv]))
  all.set('folder and mask', `${process.cwd()} ${process.umask()}`)
  return all
}

function difference(before: Map<string, unknown>, after: Map<string, unknown>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => !Object.is(before.get(name), after.get(name)),
  )
}

const warnings: string[] = []
process.on('warning', ({ message }) => warnings.push(message))
// What Node makes at first use is no change of ours.
void [globalThis.fetch, globalThis.crypto, globalThis.performance, process.stdout, process.stderr, globalThis.navigator]
await fetch('data:,').then((answer) => answer.text())

const before = everything()
const { startIssuer } = await import('../../src/testing/testing.ts')
const { createVerifier } = await import('../../src/resource/index.ts')
const issuer = await startIssuer()
const { clock, revocations, audience } = issuer
const verifier = createVerifier({ issuer: issuer.issuer, audience, clock, revocations })
await verifier.prepare()
const token = await issuer.mint()
await verifier.verify(token)
await issuer.revoke(token)
await fetch(`${issuer.issuer}/userinfo`, { headers: { authorization: 'Bearer nonsense' } })
const during = difference(before, everything())
await verifier.close()
await issuer.close()

// zod keeps its settings there, for all copies of zod in a process.
const changed = new Set([...during, ...difference(before, everything())].filter((name) => !name.includes('.__zod_')))
console.log(JSON.stringify({ changed: [...changed], warnings }))

export {}
