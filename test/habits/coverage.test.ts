import { describe, expect, it } from 'vitest'

import { byFolder, coverageTable } from '../../tools/coverage/by-folder.ts'

const count = (total: number, covered: number) => ({ total, covered })
const file = (total: number, covered: number) => {
  const one = count(total, covered)
  return { lines: one, branches: one, functions: one }
}

describe('the coverage of a folder', () => {
  const summary = {
    total: file(99, 99),
    '/p/src/app.ts': file(10, 10),
    '/p/src/store/keys.ts': file(10, 5),
    '/p/src/store/redis/log.ts': file(20, 20),
    '/p/src/store/redis/scripts/a.ts': file(20, 0),
  }

  it('is that of its files, two folders deep, and all of them in the last line', () => {
    const rows = byFolder(summary, '/p').map(({ folder, files, lines }) => [folder, files, lines.covered, lines.total])

    expect(rows).toEqual([
      ['src', 1, 10, 10],
      ['src/store', 1, 5, 10],
      ['src/store/redis', 2, 20, 40],
      ['all', 4, 35, 60],
    ])
  })

  it('is printed in percent, or as a dash where there is nothing to count', () => {
    const table = coverageTable(byFolder({ '/p/src/base/a.ts': { ...file(4, 1), branches: count(0, 0) } }, '/p'))

    expect(table.split('\n')[1]).toMatch(/^src\/base +1 +25\.0 % +– +25\.0 %$/)
  })
})
