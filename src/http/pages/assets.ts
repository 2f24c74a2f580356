/**
 * The stylesheet, the icon and the script of `/inspect`, held in memory under names that carry their content's hash.
 *
 * A changed file has another name, so browsers may cache each for a year. Only files of this table are served: no path
 * is made from a request.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

const VIEWS = new URL('../../../views/', import.meta.url)
const HASH_LENGTH = 12

export interface Asset {
  readonly type: string
  readonly body: Buffer
}

export interface Assets {
  /** Addresses for the pages to link. */
  readonly stylesheet: string
  readonly icon: string
  /** The script of `/inspect`. */
  readonly inspector: string
  /** For browsers that ask at the address without a hash. */
  readonly favicon: Asset
  /** The asset with this file name, which includes the hash. */
  find(file: string): Asset | undefined
}

export function loadAssets(): Assets {
  const byFile = new Map<string, Asset>()

  function load(name: string, extension: string, type: string): string {
    const body = readFileSync(new URL(`assets/${name}.${extension}`, VIEWS))
    const hash = createHash('sha256').update(body).digest('hex').slice(0, HASH_LENGTH)
    const file = `${name}-${hash}.${extension}`
    byFile.set(file, { type, body })
    return `/assets/${file}`
  }

  return {
    stylesheet: load('grantor', 'css', 'text/css; charset=utf-8'),
    icon: load('icon', 'svg', 'image/svg+xml'),
    inspector: load('inspector', 'js', 'text/javascript; charset=utf-8'),
    favicon: { type: 'image/x-icon', body: readFileSync(new URL('assets/favicon.ico', VIEWS)) },
    find: (file) => byFile.get(file),
  }
}
