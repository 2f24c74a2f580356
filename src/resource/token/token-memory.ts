/**
 * The recently verified tokens, so that the next request with one of them costs no signature check.
 *
 * The key is the token itself: to hash it would cost more than all other checks of a cached token together. The
 * duration of a look-up reveals nothing about another party's token, because texts are compared only when their hashes
 * are equal, and the hash has a random seed in each process.
 *
 * The memory has two halves. A token that is used moves to the younger half. When that is full it becomes the older
 * one, and the content of the older one is dropped. So memory is bounded and no request pays for a sweep.
 */

export interface TokenMemory<T> {
  find(token: string): T | undefined
  remember(token: string, known: T): void
  clear(): void
}

export interface TokenMemoryLimits {
  /** 0 remembers none. */
  readonly maxTokens: number
  /** Of the tokens' own text; with their claims they take some four times as much. */
  readonly maxCharacters: number
}

export function createTokenMemory<T>({ maxTokens, maxCharacters }: TokenMemoryLimits): TokenMemory<T> {
  let young = new Map<string, T>()
  let old = new Map<string, T>()
  let youngCharacters = 0

  function put(token: string, known: T): void {
    young.set(token, known)
    youngCharacters += token.length
    if (young.size * 2 < maxTokens && youngCharacters * 2 < maxCharacters) return
    old = young
    young = new Map()
    youngCharacters = 0
  }

  return {
    find(token) {
      const known = young.get(token)
      if (known !== undefined) return known
      const older = old.get(token)
      if (older === undefined) return undefined
      old.delete(token)
      put(token, older)
      return older
    },

    remember(token, known) {
      if (maxTokens === 0 || young.has(token)) return
      old.delete(token)
      put(token, known)
    },

    clear() {
      young = new Map()
      old = new Map()
      youngCharacters = 0
    },
  }
}
