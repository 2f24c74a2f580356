/**
 * Several server processes on one machine (WORKERS).
 *
 * Each worker listens on the public port itself, and the system spreads the connections over them. A connection belongs
 * to one worker from its first packet: when a worker is killed, only its own requests are lost. (The scheduler of
 * node:cluster passes connections on one by one, and a connection on its way to a worker that ends stays open for
 * ever.) The supervisor takes only the operator's connections. It replaces a worker that ends, and stops all of them.
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

/** The messages of a worker to its supervisor. */
export interface WorkerReport {
  readonly readiness: Readiness
}

// Without a pause, a worker that cannot start would be restarted as fast as possible.
const RETRY_MS = 1000
// The delay and the eight seconds for requests under way, with a margin for a worker that hangs.
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

/** Starts the workers and replaces each one that ends, until the stop. Rejects when no worker can start. */
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
    // The cause that keeps the first worker from starting affects all of them. A later failure may be temporary.
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
  // A worker that has just ended gets no message.
  for (const worker of workers) if (worker.isConnected()) worker.send(word, () => undefined)
}
