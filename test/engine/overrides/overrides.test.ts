import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Provider } from 'oidc-provider'
import { describe, expect, it } from 'vitest'

import { propertyDifferences } from '../../../src/engine/fast-path/known-properties.ts'
import { findMember, type Override } from '../../../src/engine/overrides/override.ts'
import { applyOverrides, OVERRIDES, type OverrideParts } from '../../../src/engine/overrides/overrides.ts'
import { ROOT } from '../../house/root.ts'
import { bareProvider, type EngineRecord, engineDifferences, readEngine } from './read-engine.ts'

const RECORD = JSON.parse(readFileSync(new URL('engine-record.json', import.meta.url), 'utf8')) as EngineRecord
/** Overrides keep their parts for the requests to come; none of them is called here. */
const PARTS = { clock: () => 0 } as unknown as OverrideParts

describe('the oidc-provider that is installed', () => {
  it('is the one that the overrides and the fast path were written against', async () => {
    const now = await readEngine()

    expect(engineDifferences(RECORD, now), `oidc-provider ${now.version}, read was ${RECORD.version}`).toEqual([])
  })

  it('stores of each token what the fast path knows', () => {
    expect(propertyDifferences(bareProvider())).toEqual([])
  })
})

describe.each(OVERRIDES)('the override %s', (_name, override) => {
  it('replaces each member that its row names', () => {
    const [engine, ours] = [bareProvider(), bareProvider()]
    const names = [...override.members, ...(override.adds ?? [])]
    const before = names.map((name) => sourceOf(engine, name))

    override.apply(ours, PARTS)

    const after = names.map((name) => sourceOf(ours, name))
    expect(names.filter((_, at) => before[at] === after[at])).toEqual([])
  })
})

describe.each(OVERRIDES.filter(([, { members, without: missing }]) => members.length > 0 && missing === 'refuse'))(
  'the override %s',
  (_name, override) => {
    it('stops the start where a member is missing', () => {
      const [member = 'Client#none'] = override.members
      const provider = without(bareProvider(), member)

      // A model that inherits it may have a row before this one.
      expect(() => applyOverrides(provider, PARTS)).toThrow(member.replace(/^\w+/, ''))
    })
  },
)

describe.each(OVERRIDES.filter(([, { without: missing }]) => missing === 'engine'))(
  'the override %s',
  (_name, override) => {
    it('is left to the engine where a member is missing', () => {
      const [member = 'Client#none'] = override.members
      const provider = without(bareProvider(), member)

      expect(applyOverrides(provider, PARTS)).toContainEqual(expect.stringContaining(member))
    })
  },
)

it('nothing of oidc-provider is replaced outside of the table', () => {
  const folder = join(ROOT, 'src/engine')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  const replacing = files.filter((path) =>
    /provider\.\w+\.prototype|Reflect\.set\(provider|OIDCContext/.test(textOf(path)),
  )

  expect(replacing.filter((path) => !path.startsWith('overrides/'))).toEqual([])
  const rows = files.filter((path) => /^overrides\/.+\//.test(path))
  expect(rows).toHaveLength(OVERRIDES.length)

  function textOf(path: string): string {
    return readFileSync(join(folder, path), 'utf8')
  }
})

type Name = Override['members'][number]

function sourceOf(provider: Provider, name: Name): unknown {
  const member = findMember(provider, name)
  return member?.get ?? member?.value
}

/** As if a release had renamed it. */
function without(provider: Provider, name: Name): Provider {
  const [, model = '', separator, member = ''] = /^(\w+)([#.])(.+)$/.exec(name) ?? []
  const base = Object.getPrototypeOf(provider.Session) as { prototype: object }
  const type = model === 'BaseModel' ? base : (Reflect.get(provider, model) as { prototype: object })
  for (let holder: object | null = separator === '#' ? type.prototype : type; holder !== null; ) {
    Reflect.deleteProperty(holder, member)
    holder = Reflect.getPrototypeOf(holder)
  }
  return provider
}
