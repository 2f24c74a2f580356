/** Which Grantor this is: what a report of a fault begins with. */

import { readFileSync } from 'node:fs'

/** The same place from src/cli/ and from dist/cli/. */
const PACKAGE = new URL('../../package.json', import.meta.url)

export function versionText(): string {
  const { version } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }
  return `grantor ${version} (Node ${process.versions.node})`
}
