/** What the rounds of the bench come to, and what they have to come to. */

export type StoreName = 'redis' | 'embedded'

interface Spread {
  readonly p50: number
  readonly p99: number
  readonly worst: number
}

/** All in milliseconds. */
export interface Figures {
  readonly store: StoreName
  readonly kind: string
  readonly how: string
  readonly rounds: number
  /** Of every verifier in every round. */
  readonly each: Spread
  /** Of the last verifier in every round: this is what the goals are about. */
  readonly last: Spread
}

/** The embedded store looks every 100 ms whether another process has written. */
export const GOALS: Record<StoreName, Partial<Spread>> = {
  redis: { p50: 50, p99: 250, worst: 1000 },
  embedded: { worst: 1000 },
}

export function figuresOf(
  round: Pick<Figures, 'store' | 'kind' | 'how'> & { readonly each: number[]; readonly last: number[] },
): Figures {
  return { ...round, rounds: round.last.length, each: spreadOf(round.each), last: spreadOf(round.last) }
}

/** A sentence for each goal that was missed. */
export function judge({ store, kind, last }: Figures): string[] {
  return Object.entries(GOALS[store]).flatMap(([name, goal]) => {
    const figure = last[name as keyof Spread]
    return figure < goal ? [] : [`${store}, ${kind}: ${name} is ${figure.toFixed(0)} ms, and ${goal} ms are allowed`]
  })
}

const COLUMNS = ['', 'ended by', 'rounds', 'each p50', 'p99', 'worst', 'last p50', 'p99', 'worst']

export function table(results: readonly Figures[]): string {
  const rows = [COLUMNS, ...results.map(cellsOf)]
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const lines = rows.map((row) =>
    row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))),
  )
  return [...lines.map((cells) => `  ${cells.join('  ')}`), '', NOTE].join('\n')
}

const NOTE = `  In ms, from the answer of the call that revokes to the refusal by verify. each: of every verifier. last: of the
  last verifier in each round; by this the goals are judged.`

function cellsOf({ store, kind, how, rounds, each, last }: Figures): string[] {
  const numbers = [each.p50, each.p99, each.worst, last.p50, last.p99, last.worst].map((ms) => ms.toFixed(1))
  return [`${store} ${kind}`, how, String(rounds), ...numbers]
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
  return { p50: rank(0.5), p99: rank(0.99), worst: rank(1) }
}
