/** Everything that pages are made of, read once at the start: stylesheet, icon and views. */

import { type Assets, loadAssets } from './assets.ts'
import { createRenderer, type Renderer } from './render.ts'

export interface Views {
  readonly assets: Assets
  readonly renderer: Renderer
}

export function loadViews(): Views {
  const assets = loadAssets()
  return { assets, renderer: createRenderer(assets) }
}
