/**
 * The stylesheet, the icon and the script of `/inspect`, held in memory under names that carry their content's hash.
 *
 * A changed file has another name, so browsers may cache each for a year. Only files of this table are served: no path
 * is made from a request.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

import type { Branding } from '../../config/config.ts'
import { accentStyles } from './brand-colours.ts'

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
  /** The operator's picture; empty when there is none. */
  readonly logo: string
  /** For browsers that ask at the address without a hash. */
  readonly favicon: Asset
  /** The asset with this file name, which includes the hash. */
  find(file: string): Asset | undefined
}

/** By the end of its file's name. */
const LOGO_TYPES: ReadonlyMap<string, string> = new Map([
  ['svg', 'image/svg+xml'],
  ['png', 'image/png'],
  ['webp', 'image/webp'],
])

/** Throws when a file cannot be read. */
export function loadAssets({ logo, colour }: Pick<Branding, 'logo' | 'colour'>): Assets {
  const byFile = new Map<string, Asset>()

  function load(name: string, extension: string, type: string): string {
    return keep(name, extension, type, readFileSync(new URL(`assets/${name}.${extension}`, VIEWS)))
  }

  function keep(name: string, extension: string, type: string, body: Buffer): string {
    const hash = createHash('sha256').update(body).digest('hex').slice(0, HASH_LENGTH)
    const file = `${name}-${hash}.${extension}`
    byFile.set(file, { type, body })
    return `/assets/${file}`
  }

  function loadStyles(): string {
    const styles = readFileSync(new URL('assets/grantor.css', VIEWS))
    const all = colour === undefined ? styles : Buffer.concat([styles, Buffer.from(accentStyles(colour))])
    return keep('grantor', 'css', 'text/css; charset=utf-8', all)
  }

  function loadLogo(path: string): string {
    const extension = path.slice(path.lastIndexOf('.') + 1)
    return keep('logo', extension, LOGO_TYPES.get(extension) ?? 'application/octet-stream', readFileSync(path))
  }

  return {
    stylesheet: loadStyles(),
    logo: logo === undefined ? '' : loadLogo(logo),
    icon: load('icon', 'svg', 'image/svg+xml'),
    inspector: load('inspector', 'js', 'text/javascript; charset=utf-8'),
    favicon: { type: 'image/x-icon', body: readFileSync(new URL('assets/favicon.ico', VIEWS)) },
    find: (file) => byFile.get(file),
  }
}
