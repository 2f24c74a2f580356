/** The table of routes as tests need it: by path, and with values in place of patterns. */

import { type Method, ROUTES, type Route } from '../../src/http/routes.ts'

/** Every path at which a program or the engine is served, with all its methods. */
export function listEngineRoutes(): { path: string; methods: readonly Method[] }[] {
  const byPath = Map.groupBy(ROUTES, ({ path }) => path)
  return [...byPath]
    .filter(([path, routes]) => !path.includes(':') && routes.some(({ owner }) => owner !== 'page'))
    .map(([path, routes]) => ({ path, methods: routes.flatMap(({ methods }) => methods) }))
}

/** An address of this route, of nothing that exists where the path has a value. */
export function addressOf({ path }: Pick<Route, 'path'>): string {
  return path.replaceAll(/:\w+/g, 'unknown')
}
