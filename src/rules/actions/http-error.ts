import type { HttpErrorLine, TextProblem } from '../../model/language.ts'
import { REQUEST_PHASE } from '../language/phases.ts'
import { readOrThrow, type Word, Words } from '../language/words.ts'
import { parseContentType, parseStatus, refuseUntyped } from './answer-arguments.ts'
import { parseHeaderName, parseHeaderValue } from './header-rules.ts'
import type { AnswerHeader } from './outcomes.ts'

/** What an `http-error` rule answers with. Text is latin1, one character a byte. */
export type HttpErrorAnswer =
  | {
      /** The file is the whole response. */
      readonly kind: 'errorfile'
      /** Absolute. */
      readonly path: string
    }
  | {
      readonly kind: 'reply'
      /** Null exactly where there is no body. */
      readonly contentType: string | null
      readonly body: HttpErrorBody | null
      readonly headers: readonly AnswerHeader[]
    }

/** Where the body of an answer is taken from. */
export type HttpErrorBody =
  | { readonly kind: 'text'; readonly text: string }
  /** The file is the body, byte by byte; its path is absolute. */
  | { readonly kind: 'file'; readonly path: string }

const ARGUMENTS = ['content-type', 'string', 'file', 'errorfile', 'hdr']
/** HAProxy's other arguments: they want one request's samples, or sections that there are not. */
const UNAVAILABLE = ['default-errorfiles', 'errorfiles', 'lf-file', 'lf-string']

/** An answer as far as it has been read. */
interface Draft {
  contentType: string | null
  /** The keyword that says where body or whole response come from, and what it says. */
  source: { readonly keyword: Word; readonly text: string } | null
  headers: AnswerHeader[]
}

/**
 * Reads a whole line of `http-error`: `status N [content-type TYPE] [string TEXT | file PATH |
 * errorfile PATH] [hdr NAME TEXT]...`. HAProxy configuration manual, http-error. Whether the files
 * are there is not asked.
 *
 * @returns the first problem where it is wrong
 */
export function validateHttpError(line: string): HttpErrorLine | TextProblem {
  const words = new Words(line)
  const status = readStatus(words)
  const ruleStart = words.peek()?.start ?? line.length
  if (status !== null) readArguments(words)
  if (status !== null && words.problem === null) return { status, rule: line.slice(ruleStart) }
  return words.problem as TextProblem
}

/**
 * Compiles the part of an `http-error` line behind its status.
 *
 * @throws SluiceError `config-invalid` for one that {@link validateHttpError} would have refused
 */
export function compileHttpError(rule: string): HttpErrorAnswer {
  const words = new Words(rule)
  const draft = readOrThrow('answer', rule, words, readArguments(words))
  const { contentType, source, headers } = draft
  if (source === null) return { kind: 'reply', contentType: null, body: null, headers }
  const { keyword, text } = source
  if (keyword.text === 'errorfile') return { kind: 'errorfile', path: text }
  const body: HttpErrorBody =
    keyword.text === 'file' ? { kind: 'file', path: text } : { kind: 'text', text }
  return { kind: 'reply', contentType, body, headers }
}

function readStatus(words: Words): number | null {
  const hint = 'Write status CODE, then the answer.'
  const word = words.expect('status', hint)
  if (word === null || word.text === 'status') return word === null ? null : parseStatus(200, words)
  return words.refuse(word, 'an answer begins with its status', hint)
}

function readArguments(words: Words): Draft | null {
  const draft: Draft = { contentType: null, source: null, headers: [] }
  for (let word = words.next(); word !== null; word = words.next()) {
    if (!readArgument(word, draft, words)) return null
  }
  return validateCombination(draft, words) ? draft : null
}

/** @returns false where it is wrong, with the problem in `words` */
function readArgument(keyword: Word, draft: Draft, words: Words): boolean {
  switch (keyword.text) {
    case 'content-type':
      draft.contentType = parseContentType(words)
      return draft.contentType !== null
    case 'hdr':
      return readHeader(draft, words)
    case 'string':
    case 'file':
    case 'errorfile':
      return readSource(keyword, draft, words)
    default:
      refuseArgument(keyword, words)
      return false
  }
}

function refuseArgument(word: Word, words: Words): null {
  const { text } = word
  if (UNAVAILABLE.includes(text)) {
    const message = `${text} is not available in http-error in this version`
    return words.refuse(word, message, 'Write string TEXT, file PATH or errorfile PATH.')
  }
  if (text === 'if' || text === 'unless') {
    const hint = 'It is given whenever its status is; http-request return takes one.'
    return words.refuse(word, 'an error answer takes no condition', hint)
  }
  return words.refuse(word, `unknown argument "${text}"`, `Known: ${ARGUMENTS.join(', ')}.`)
}

function readHeader(draft: Draft, words: Words): boolean {
  const nameWord = words.peek()
  const name = parseHeaderName('hdr', words)
  const valueWord = words.peek()
  const value = name === null ? null : parseHeaderValue(name, REQUEST_PHASE, words)
  if (name === null || value === null || nameWord === null || valueWord === null) return false
  if (name.lower === 'content-type') {
    const message = `${name.written} has an argument of its own`
    words.refuse(nameWord, message, 'Write content-type TYPE.')
    return false
  }
  if (value.literal === null) {
    const message = 'samples are not available in http-error in this version'
    words.refuse(valueWord, message, 'Write text; for a percent sign write %%.')
    return false
  }
  draft.headers.push({ name: name.written, value: value.literal })
  return true
}

function readSource(keyword: Word, draft: Draft, words: Words): boolean {
  const isText = keyword.text === 'string'
  const word = words.expect(isText ? 'the body' : 'a path')
  if (word === null) return false
  if (draft.source !== null) {
    const message = `there is ${draft.source.keyword.text} already`
    words.refuse(keyword, message, 'An answer has one body.')
    return false
  }
  if (!isText && !/^\/[^\0]*$/.test(word.text)) {
    words.refuse(word, 'this is no absolute path', 'Write a path that begins with /.')
    return false
  }
  draft.source = { keyword, text: word.text }
  return true
}

/** HAProxy warns of what does not act beside a whole response; here it is refused. */
function validateCombination({ contentType, source, headers }: Draft, words: Words): boolean {
  if (source === null) return true
  const { keyword } = source
  if (keyword.text === 'errorfile') {
    if (contentType === null && headers.length === 0) return true
    const message = 'an errorfile is the whole response, with its headers'
    words.refuse(keyword, message, 'Leave content-type and hdr out, or write file.')
    return false
  }
  if (contentType !== null) return true
  refuseUntyped(keyword, words)
  return false
}
