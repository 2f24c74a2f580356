/**
 * What tells a process to stop: a signal, or the word of its supervisor.
 *
 * A second signal means that somebody does not want to wait, a third ends the process as it is. A worker takes the second
 * word from its supervisor alone: service managers signal every process of a service, so it hears the first one twice.
 */

export interface StopOrders {
  /** Resolves with the signal, or `supervisor`. */
  readonly stop: Promise<string>
  /** Resolves when the stop is to wait for nobody. */
  readonly hurry: Promise<void>
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

export function stopOrders({ isWorker }: { isWorker: boolean }): StopOrders {
  const stop = Promise.withResolvers<string>()
  const hurry = Promise.withResolvers<void>()
  let heard = 0

  function signalled(signal: NodeJS.Signals): void {
    heard += 1
    stop.resolve(signal)
    if (isWorker || heard < 2) return
    hurry.resolve()
    for (const name of SIGNALS) process.off(name, signalled)
  }
  for (const name of SIGNALS) process.on(name, signalled)
  if (isWorker) {
    process.on('message', (word) => {
      if (word === 'stop') stop.resolve('supervisor')
      if (word === 'hurry') hurry.resolve()
    })
  }
  return { stop: stop.promise, hurry: hurry.promise }
}
