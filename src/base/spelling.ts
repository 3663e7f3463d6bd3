/** One edit is forgiven for every so many letters of the word, and always one. */
const LETTERS_PER_EDIT = 3

/** Letters of a word that are looked at; a longer one is nobody's misspelling. */
const WORD_LENGTH_MAX = 64

/**
 * The known name that a misspelt word most likely stands for, for "did you mean" hints.
 *
 * @returns null when none is near. An edit is a letter put in, left out or exchanged, or two
 *   neighbours swapped; upper and lower case count as the same, `_` and `-` too
 */
export function nearestName(word: string, names: Iterable<string>): string | null {
  if (word.length > WORD_LENGTH_MAX) return null
  let nearest: string | null = null
  let edits = Math.max(1, Math.floor(word.length / LETTERS_PER_EDIT)) + 1
  for (const name of names) {
    if (Math.abs(name.length - word.length) >= edits) continue
    const needed = editsBetween(plain(word), plain(name))
    if (needed >= edits) continue
    nearest = name
    edits = needed
  }
  return nearest
}

/**
 * What to say to who wrote a word that is none of the known ones: the one that is near, or all.
 */
export function nearestHint(word: string, known: readonly string[]): string {
  const near = nearestName(word, known)
  return near === null ? `Known: ${known.join(', ')}.` : `Did you mean ${near}?`
}

function plain(word: string): string {
  return word.toLowerCase().replaceAll('_', '-')
}

/** Optimal string alignment: Levenshtein's distance with neighbours that swap counted as one. */
function editsBetween(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, j) => j)
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const exchanged = from[i - 1] === to[j - 1] ? 0 : 1
      let edits = Math.min(
        (last[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (last[j - 1] as number) + exchanged,
      )
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        edits = Math.min(edits, (beforeLast[j - 2] as number) + 1)
      }
      row.push(edits)
    }
    beforeLast = last
    last = row
  }
  return last[to.length] as number
}

/** Words as they are counted up in a sentence: `a, b or c`. */
export function alternatives(words: readonly string[]): string {
  const last = words.at(-1) ?? ''
  return words.length > 1 ? `${words.slice(0, -1).join(', ')} or ${last}` : last
}
