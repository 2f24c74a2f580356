import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'

import { scripts } from '../../src/store/redis/scripts.ts'

const FOLDER = new URL('../../src/store/redis/scripts/', import.meta.url)

describe('every Lua script', async () => {
  const files = (await readdir(FOLDER, { recursive: true })).filter((name) => name.endsWith('.lua'))

  it.each(files)('%s opens with its contract: what it does, its keys, its arguments, its reply', async (file) => {
    const text = await readFile(new URL(file, FOLDER), 'utf8')
    const contract = /^(?:#!lua flags=allow-oom\n)?--\[\[\n {2}\S.*?\n\]\]\n/s.exec(text)?.[0] ?? ''

    expect(contract).toMatch(isPart(contract) ? /\n {2}Reads / : /\n {2}KEYS.*\n {2}Reply /s)
    const used = [...text.slice(contract.length).matchAll(/ARGV\[(\d+)\]/g)].map(([, number]) => Number(number))
    expect(describedArguments(contract)).toEqual(expect.arrayContaining(used))
  })

  it('is loaded, with its parts in place', async () => {
    const contracts = await Promise.all(files.map((file) => readFile(new URL(file, FOLDER), 'utf8')))
    expect(Object.keys(scripts)).toHaveLength(contracts.filter((text) => !isPart(text)).length)
    for (const { text } of Object.values(scripts)) expect(text).not.toContain('-- include')
  })
})

function isPart(text: string): boolean {
  return text.startsWith('--[[\n  A part of')
}

/** The numbers in `ARGV[3]` and `ARGV[6..9]`. */
function describedArguments(contract: string): number[] {
  return [...contract.matchAll(/ARGV\[(\d+)(?:\.\.(\d+))?\]/g)].flatMap(([, first, last]) => {
    const [from, to] = [Number(first), Number(last ?? first)]
    return Array.from({ length: to - from + 1 }, (_, i) => from + i)
  })
}
