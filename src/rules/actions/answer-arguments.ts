import type { Word, Words } from '../language/words.ts'
import { validateFieldText } from './header-rules.ts'

// What follows is read behind its keyword in `http-request deny`, `return` and `http-error`. Each
// function returns null where it is wrong, with the problem in `words`.

/** Reads a status code from `least` to 599. */
export function parseStatus(least: number, words: Words): number | null {
  const hint = `Write a number from ${least} to 599.`
  const word = words.expect('a status code', hint)
  if (word === null) return null
  const status = /^\d{3}$/.test(word.text) ? Number(word.text) : 0
  if (status >= least && status <= 599) return status
  return words.refuse(word, `"${word.text}" is not a status code that fits here`, hint)
}

/** Reads the type behind `content-type`. */
export function parseContentType(words: Words): string | null {
  const word = words.expect('a content type')
  return word !== null && validateFieldText(word, words) ? word.text : null
}

/** Tells that the body that begins with the word `keyword` is of no type. */
export function refuseUntyped(keyword: Word, words: Words): null {
  return words.refuse(keyword, 'a body needs a content-type', 'Write content-type text/plain.')
}
