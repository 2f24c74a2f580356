/** The commands of a shell block, and curl as a request. Only what the pages use is understood; the rest throws. */

export interface Command {
  /** Without comment and redirection, words as the shell would split them. */
  readonly words: readonly string[]
  /** The variables that stand in front of it. */
  readonly env: Readonly<Record<string, string>>
  /** The variable that takes `jq -r .MEMBER` of the answer. */
  readonly into?: { readonly variable: string; readonly member: string }
  readonly input?: string
  /** What the comment behind it says is printed, when it is JSON. */
  readonly prints?: string
}

export function commandsIn(text: string, variables: Readonly<Record<string, string>> = {}): Command[] {
  return text
    .replaceAll(/ *\\\n */g, ' ')
    .split('\n')
    .flatMap((line) => {
      const [code = '', comment = ''] = line.split(/\s+# ?/, 2)
      if (line.trimStart().startsWith('#') || code.trim() === '') return []
      const parts = code.trim().split(' && ')
      return parts.map((part) => commandOf(part, comment.startsWith('{') ? comment : undefined, variables))
    })
}

function commandOf(text: string, prints: string | undefined, variables: Readonly<Record<string, string>>): Command {
  const filled = text.replaceAll(/\$(\w+)/g, (name, key: string) => variables[key] ?? name)
  const taken = /^(\w+)=\$\((.*) \| jq -r \.(\w+)\)$/.exec(filled)
  const [, variable = '', inner = filled, member = ''] = taken ?? []
  const [command = '', input] = inner.split(/ < /)
  const words = wordsOf(command)
  const first = words.findIndex((word) => !/^[A-Z_]+=/.test(word))
  const env = Object.fromEntries(words.slice(0, Math.max(first, 0)).map((word) => word.split(/=(.*)/s).slice(0, 2)))
  return {
    ...{ words: words.slice(Math.max(first, 0)), env },
    ...(taken && { into: { variable, member } }),
    ...(input !== undefined && { input }),
    ...(prints !== undefined && { prints }),
  }
}

function wordsOf(text: string): string[] {
  return [...text.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replaceAll(/'([^']*)'|"([^"]*)"/g, '$1$2'),
  )
}

export interface CurlRequest {
  readonly url: string
  readonly init: { readonly method: string; readonly headers: Record<string, string>; readonly body?: string }
  /** `-N`: the answer does not end. */
  readonly streams: boolean
}

export function curlRequest(words: readonly string[]): CurlRequest {
  const headers: Record<string, string> = {}
  const data: string[] = []
  let [url, streams] = ['', false]
  for (let at = 1; at < words.length; at++) {
    const word = words[at] ?? ''
    const next = words[at + 1] ?? ''
    if (word === '-s') continue
    else if (word === '-N') streams = true
    else if (word.startsWith('https://') || word.startsWith('http://')) url = word
    else if (word === '-u') headers.authorization = `Basic ${btoa(next)}`
    else if (word === '-d') data.push(next)
    else if (word === '-H') headers[(next.split(': ')[0] ?? '').toLowerCase()] = next.split(': ')[1] ?? ''
    else throw new Error(`curl ${word} is not understood`)
    if (['-u', '-d', '-H'].includes(word)) at++
  }
  if (data.length === 0) return { url, init: { method: 'GET', headers }, streams }
  headers['content-type'] ??= 'application/x-www-form-urlencoded'
  return { url, init: { method: 'POST', headers, body: data.join('&') }, streams }
}
