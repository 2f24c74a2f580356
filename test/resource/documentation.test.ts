import { readdirSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import * as resource from '../../src/resource/index.ts'
import { type StrangeIssuer, startIssuer } from './issuer.ts'
import { createExampleContext, runExample, type ExampleContext } from './example-context.ts'

const ROOT = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')
const SOURCES = readdirSync(new URL('src/resource/', ROOT), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `src/resource/${name}`)
const PAGES = ['docs/protect-an-api.md', 'docs/connect-a-client.md']

describe('grantor/resource', () => {
  it('has a doc comment with an example for every function and class that it exports', () => {
    const sources = SOURCES.map(read).join('\n')

    for (const name of Object.keys(resource)) {
      const comment = new RegExp(
        `/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\nexport (?:abstract |async )?(?:function|class) ${name}\\b`,
      )
      expect(comment.exec(sources)?.[1], name).toContain('```ts')
    }
  })

  it.each([...SOURCES, ...PAGES])('has only examples in %s that parse and import what there is', (path) => {
    for (const example of examplesOf(read(path))) {
      expect(
        () => stripTypeScriptTypes(`async function example() {\n${withoutImports(example)}\n}`),
        example,
      ).not.toThrow()
      for (const name of importedNames(example)) expect(Object.keys(resource), path).toContain(name)
    }
  })

  describe('in its doc comments', () => {
    let at: StrangeIssuer
    let context: ExampleContext
    beforeAll(async () => {
      at = await startIssuer()
      context = await createExampleContext(at)
    })
    afterAll(async () => {
      await (context.verifier as resource.Verifier).close()
      await at.close()
    })

    const examples = SOURCES.flatMap((path) => examplesOf(read(path)).map((example) => ({ path, example })))

    it('has only examples that run, and reject where they say so', async () => {
      for (const { path, example } of examples) {
        await expect(runExample(example, context), `${path}\n${example}`).resolves.toBeUndefined()
      }
    })

    it('is seen to fail when an example is wrong', async () => {
      await expect(runExample('await verifier.verify(noSuchToken)', context)).rejects.toThrow('noSuchToken')
      await expect(runExample('await verifier.verify(token)   // rejects with TokenExpired', context)).rejects.toThrow()
      await expect(runExample('createVerifier({ issuer, audience, jwks: [] })', context)).rejects.toThrow()
    })
  })

  it('is explained with examples', () => {
    for (const path of PAGES) expect(examplesOf(read(path)).length, path).toBeGreaterThan(0)
  })
})

function examplesOf(text: string): string[] {
  return [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, example = '']) => example.replace(/^ \* ?/gm, ''))
}

function withoutImports(example: string): string {
  return example.replace(/^import .*$/gm, '').replace(/^export /gm, '')
}

/** The values (not types) that an example takes from the package. */
function importedNames(example: string): string[] {
  return [...example.matchAll(/^import \{([^}]*)\} from 'grantor\/resource'/gm)].flatMap(([, names = '']) =>
    names
      .split(',')
      .map((name) => name.trim())
      .filter((name) => !name.startsWith('type ')),
  )
}
