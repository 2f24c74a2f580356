/**
 * The stylesheet, the icon and the views, read once at the start.
 *
 * A view sees one object, `page`, of texts, booleans and lists of them, ready to show; `<%=` escapes each. `<%-` appears only
 * in front of `include`, which is resolved before compiling, so no request touches a file.
 */

import { readFileSync } from 'node:fs'

import ejs from 'ejs'

import type { Branding } from '../../config/config.ts'
import { type Assets, loadAssets } from './assets.ts'

export interface Views {
  readonly assets: Assets
  readonly branding: Branding
  /** `surface/page`, as in views/ and in http/. Throws when there is no such view, or when it cannot be compiled. */
  readonly compile: (name: string) => (page: object) => string
}

const VIEWS = new URL('../../../views/', import.meta.url)
const INCLUDE = /<%- include\('([a-z-]+)'\) %>\n/g

export function loadViews(branding: Branding): Views {
  return { assets: loadAssets(branding), branding, compile }
}

function compile(name: string): (page: object) => string {
  const source = read(name).replace(INCLUDE, (_, partial: string) => read(`pages/${partial}`))
  return ejs.compile(source, { filename: name, strict: true, _with: false, localsName: 'page', client: false })
}

function read(name: string): string {
  return readFileSync(new URL(`${name}.ejs`, VIEWS), 'utf8')
}
