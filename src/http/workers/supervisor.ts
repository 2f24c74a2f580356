/**
 * Several server processes on one machine (WORKERS).
 *
 * Each worker listens on the public port itself and the system spreads the connections over them, so a connection belongs
 * to one worker from its first packet: whoever is killed takes along what he was serving, and nothing waits for him.
 * (The scheduler of node:cluster hands connections over one by one; one that is on its way to a worker that dies is held
 * open for ever.) The supervisor takes no connection but those of the operator; it replaces a worker that dies and stops
 * all of them.
 */

import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'

import type { Log } from '../../audit/log.ts'
import { monotonicClock } from '../../base/clock.ts'
import { WorkersFailed } from '../../faults/start.ts'
import type { Config } from '../../config/config.ts'
import { findPort } from '../listener/listen.ts'
import { listenForOperator } from '../ops/ops.ts'
import type { Readiness } from '../ops/readiness.ts'
import type { StopOrders } from './stop-orders.ts'
import { createWorkerReadiness, type WorkerReadiness } from './worker-readiness.ts'

export interface SupervisorParts {
  readonly config: Config
  readonly log: Log
  readonly orders: StopOrders
}

/** What a worker says to its supervisor. */
export interface WorkerReport {
  readonly readiness: Readiness
}

// Without a pause one that cannot start would be tried as fast as processes can be made.
const RETRY_MS = 1000
// Beyond the delay and the eight seconds for requests under way, for one that hangs.
const LONGEST_STOP_MS = 15_000

/** Resolves when it was told to stop and all workers have ended. Throws `PortUnusable` or `WorkersFailed`. */
export async function superviseWorkers({ config, log, orders }: SupervisorParts): Promise<void> {
  const { host, opsHost, workers } = config
  // Found here, since a port that is shared by workers would be shared with a stranger too.
  const port = await findPort({ host, port: config.port })
  const workerReadiness = createWorkerReadiness(monotonicClock)
  const ops = await listenForOperator({
    host: opsHost,
    port: config.opsPort,
    readiness: () => workerReadiness.readiness(),
    log,
  })
  const env = { PORT: String(port), OPS_PORT: new URL(ops.url).port }
  try {
    await Promise.race([orders.stop, keepAlive({ workers, env, workerReadiness, log })])
  } finally {
    workerReadiness.stop()
    await stopWorkers(orders, config.stopDelaySeconds * 1000 + LONGEST_STOP_MS)
    await ops.close()
  }
}

interface Crew {
  readonly workers: number
  readonly env: Readonly<Record<string, string>>
  readonly workerReadiness: WorkerReadiness
  readonly log: Log
}

/** Starts the workers and replaces whichever ends, until the roll call is stopped; rejects when not one can start. */
function keepAlive({ workers, env, workerReadiness, log }: Crew): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  // For systems on which sockets cannot share a port: then all workers take connections from one queue.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  const fork = () => {
    if (!workerReadiness.isStopping()) cluster.fork(env)
  }
  cluster.on('message', ({ id, process: { pid = 0 } }, { readiness }: WorkerReport) => {
    workerReadiness.heard(id, pid, readiness)
  })
  cluster.on('exit', ({ id, process: { pid } }, code, signal) => {
    const served = workerReadiness.gone(id)
    if (workerReadiness.isStopping()) return
    // What keeps the first from starting will keep all of them; one that fails later may have met a passing trouble.
    if (!workerReadiness.hasEverServed()) reject(new WorkersFailed())
    else log.event('worker_ended', { worker: pid, code, signal })
    setTimeout(fork, served ? 0 : RETRY_MS)
  })
  for (let worker = 0; worker < workers; worker++) fork()
  return promise
}

async function stopWorkers(orders: StopOrders, withinMs: number): Promise<void> {
  const living = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
  const ended = living.map(async (worker) => once(worker, 'exit'))
  tell(living, 'stop')
  void orders.hurry.then(() => tell(living, 'hurry'))
  const cut = setTimeout(() => {
    for (const worker of living) worker.process.kill('SIGKILL')
  }, withinMs)
  await Promise.all(ended)
  clearTimeout(cut)
}

function tell(workers: readonly Worker[], word: 'stop' | 'hurry'): void {
  // One that has just died hears nothing more.
  for (const worker of workers) if (worker.isConnected()) worker.send(word, () => undefined)
}
