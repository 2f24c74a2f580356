/**
 * The test files that `npm test` leaves to `npm run test:all`, each with the reason. Every one of them took more than
 * twelve seconds on two cores; together they are two thirds of the time of all tests.
 */

export const SLOW_TESTS: Readonly<Record<string, string>> = {
  'test/engine/overrides/rehearsal.test.ts': 'the fast path’s tests once more, on a changed copy of the engine',
  'test/feature/backup/backup.test.ts': 'backups of running servers on both stores',
  'test/feature/processes/rolling-restart.test.ts': 'two nodes behind a balancer, restarted under load',
  'test/feature/processes/stalled-log.test.ts': 'a reader of the log that stops reading',
  'test/feature/processes/workers.test.ts': 'workers that are killed and started again',
  'test/feature/refresh/refresh-reuse.test.ts': 'lost replies on real connections',
  'test/feature/revocation/revocation-nodes.test.ts': 'several nodes on each store',
  'test/feature/revocation/revocation-races.test.ts': 'races on each topology',
  'test/feature/inspect/inspect.test.ts': 'a browser',
  'test/feature/sign-in/accessibility.test.ts': 'a browser on every page, in light and dark',
  'test/feature/sign-in/sign-in.test.ts': 'a browser',
  'test/feature/single-use/races.test.ts': 'races on each topology',
  'test/feature/keys/rotation.test.ts': 'processes that are killed between the steps of a rotation',
  'test/feature/registry/failover.test.ts': 'a Redis that fails over',
  'test/feature/registry/store-changes.test.ts': 'stores that are emptied and set back under running servers',
  'test/feature/store-faults/failpoints.test.ts': 'a process that is killed after each call of the store',
  'test/feature/store-faults/kill.test.ts': 'kill loops on both stores',
  'test/feature/store-faults/slice.test.ts': 'a slice of npm run chaos',
  'test/feature/store-faults/store-identity.test.ts': 'stores that are deleted and swapped under running servers',
  'test/feature/store-faults/unconfirmed.test.ts': 'replicas that do not confirm',
  'test/http/connections.test.ts': 'hundreds of connections',
  'test/http/ssf-push.test.ts': 'receivers that are down, and pushes that are tried again',
  'test/http/stranger-records.test.ts': 'thousands of requests of strangers',
  'test/http/unauthenticated-work.test.ts': 'every route with its largest bodies',
  'test/package/package.test.ts': 'the package, packed and installed',
  'test/revocation/large.test.ts': 'a log of hundreds of thousands of entries',
  'test/samples/in-a-browser.test.ts': 'a browser',
  'test/cli/revoke-clock.test.ts': 'servers and a command whose clocks differ',
  'test/store/redis-durable.test.ts': 'Redis with replicas and failovers',
  'test/store/redis-faults.test.ts': 'Redis that hangs, lies and dies',
  'test/store/redis-ready.test.ts': 'Redis that is full, read-only or forbidden',
}
