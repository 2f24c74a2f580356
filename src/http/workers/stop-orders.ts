/**
 * What stops a process: a signal, or an order of its supervisor.
 *
 * A second signal ends the delay, a third ends the process at once. A worker takes the second order only from its
 * supervisor: service managers signal every process of a service, so a worker gets the first one twice.
 */

export interface StopOrders {
  /** Resolves with the signal, or `supervisor`. */
  readonly stop: Promise<string>
  /** Resolves when the stop should not wait any longer. */
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
