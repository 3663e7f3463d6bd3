import type { Span } from '../../diagnostics/source-text.ts'
import { type AllowedVariables, type Environment, substitute } from '../environment.ts'
import { isOfNode } from '../own-sections.ts'
import type { ListNode, MapEntry, MapNode, ScalarNode, TreeNode } from '../tree.ts'
import { emptyNode, hasControlCharacter, scalarNode } from './scalars.ts'

/** What has rules of its own anywhere: tabs, CRLF, byte order marks, documents and directives. */
const UNSURE = /[\t\r\ufeff]|^(?:---|\.\.\.|%)/m

/**
 * A plain scalar in a block, up to the end of its line (YAML 1.2 section 7.3.3): a colon in it has
 * no blank behind it, and a `#` none before it.
 */
const BLOCK_PLAIN =
  /(?:[^ \n,[\]{}#&*!|>'"%@`?:-]|[?:-](?=[^ \n]))(?:[^ \n:]|:(?=[^ \n])| +(?=[^ \n#:]|:[^ \n]))*/y

/** The same within brackets, which it does not have in it either. One that begins with `?` is left out. */
const FLOW_PLAIN =
  /(?:[^ \n,[\]{}#&*!|>'"%@`?:-]|[:-](?=[^ \n,[\]{}]))(?:[^ \n:,[\]{}]|:(?=[^ \n,[\]{}])| +(?=[^ \n#:,[\]{}]|:[^ \n,[\]{}]))*/y

/** Of escapes only those of a quote and of a backslash. */
const DOUBLE_QUOTED = /"(?:[^"\\\n]|\\["\\])*"/y
const SINGLE_QUOTED = /'(?:[^'\n]|'')*'/y

/** Collections within collections: a config has 7. */
const DEPTH_MAX = 16
/** Units of a key: YAML ends implicit ones after 1024. */
const KEY_LENGTH_MAX = 256
/** Values, keys and lines: far from where a config has too many words. */
const PARTS_MAX = 150_000

const LF = 10
const SPACE = 32
const DOUBLE_QUOTE = 34
const HASH = 35
const SINGLE_QUOTE = 39
const COMMA = 44
const DASH = 45
const COLON = 58
const OPENING_BRACKET = 91
const CLOSING_BRACKET = 93
const OPENING_BRACE = 123
const CLOSING_BRACE = 125

/**
 * Reads the YAML that nearly every config is written in: maps and lists by indentation, values of
 * one line with and without quotes, brackets on one line, and comments. It is there for its speed,
 * a multiple of the library's, and gives the tree that the library gives.
 *
 * @returns null at the first thing that is anything else, or wrong: the library knows what it is
 */
export function readPlainDocument(
  text: string,
  environment: Environment,
  allowed: AllowedVariables,
): MapNode | null {
  return UNSURE.test(text) ? null : new PlainReader(text, environment, allowed).read()
}

/** A word in its place. */
interface Word {
  readonly text: string
  readonly isPlain: boolean
  readonly span: Span
}

/**
 * Invariant: between lines, `#at` is at the first character of the next line that says something,
 * and `#indent` is its column; at the end of the text it is -1. Within a line, `#at` is at the next
 * character to read.
 */
class PlainReader {
  readonly #text: string
  readonly #environment: Environment
  readonly #allowed: AllowedVariables
  #at = 0
  #indent = 0
  #depth = 0
  #parts = 0
  #isPassedOver = false

  constructor(text: string, environment: Environment, allowed: AllowedVariables) {
    this.#text = text
    this.#environment = environment
    this.#allowed = allowed
  }

  read(): MapNode | null {
    this.#skipLines()
    const root = this.#indent === 0 ? this.#readMap(0) : null
    return this.#at === this.#text.length && this.#parts <= PARTS_MAX ? root : null
  }

  #readMap(indent: number): MapNode | null {
    if (++this.#depth > DEPTH_MAX) return null
    const entries = new Map<string, MapEntry>()
    const start = this.#at
    let end = start
    while (this.#indent === indent) {
      const key = this.#readKey(BLOCK_PLAIN)
      if (key === null || entries.has(key.text)) return null
      if (this.#depth === 1) this.#isPassedOver = this.#allowed !== null && isOfNode([key.text])
      const value = this.#readValue(key.span, indent)
      if (value === null) return null
      entries.set(key.text, { keySpan: key.span, value })
      end = value.span.end
    }
    this.#depth--
    return this.#indent < indent ? { kind: 'map', span: { start, end }, entries } : null
  }

  /** What stands behind the colon of a key, or below it. */
  #readValue(keySpan: Span, indent: number): TreeNode | null {
    if (!this.#skipBlanks()) return this.#readInline(BLOCK_PLAIN, true)
    this.#skipLines()
    const isList = this.#isItem()
    // A list may stand as far to the left as its key.
    if (this.#indent < indent || (this.#indent === indent && !isList)) return emptyNode(keySpan)
    return isList ? this.#readList(this.#indent) : this.#readMap(this.#indent)
  }

  #readList(indent: number): ListNode | null {
    if (++this.#depth > DEPTH_MAX) return null
    const items: TreeNode[] = []
    const start = this.#at
    let end = start
    while (this.#indent === indent && this.#isItem()) {
      const dash = this.#at++
      if (this.#skipBlanks()) return null
      this.#indent += this.#at - dash
      const item = this.#isKey() ? this.#readMap(this.#indent) : this.#readInline(BLOCK_PLAIN, true)
      if (item === null) return null
      items.push(item)
      end = item.span.end
    }
    this.#depth--
    return this.#indent <= indent ? { kind: 'list', span: { start, end }, items } : null
  }

  /** Brackets, or a scalar; where it is a whole value, it ends its line. */
  #readInline(plain: RegExp, isWhole: boolean): TreeNode | null {
    const code = this.#text.charCodeAt(this.#at)
    let node: TreeNode | null
    if (code === OPENING_BRACKET) node = this.#readFlowList()
    else if (code === OPENING_BRACE) node = this.#readFlowMap()
    else node = this.#readScalar(plain)
    if (!isWhole || node === null) return node
    if (!this.#skipBlanks()) return null
    this.#skipLines()
    return node
  }

  #readFlowList(): ListNode | null {
    if (++this.#depth > DEPTH_MAX) return null
    const items: TreeNode[] = []
    const start = this.#at++
    while (!this.#closes(CLOSING_BRACKET)) {
      const item = this.#readInline(FLOW_PLAIN, false)
      if (item === null || !this.#separates(CLOSING_BRACKET)) return null
      items.push(item)
    }
    this.#depth--
    return { kind: 'list', span: { start, end: this.#at }, items }
  }

  #readFlowMap(): MapNode | null {
    if (++this.#depth > DEPTH_MAX) return null
    const entries = new Map<string, MapEntry>()
    const start = this.#at++
    while (!this.#closes(CLOSING_BRACE)) {
      const key = this.#readKey(FLOW_PLAIN)
      if (key === null || entries.has(key.text) || this.#skipBlanks()) return null
      const value = this.#readInline(FLOW_PLAIN, false)
      if (value === null || !this.#separates(CLOSING_BRACE)) return null
      entries.set(key.text, { keySpan: key.span, value })
    }
    this.#depth--
    return { kind: 'map', span: { start, end: this.#at }, entries }
  }

  #readScalar(plain: RegExp): ScalarNode | null {
    const word = this.#readWord(plain)
    if (word === null) return null
    const { text: written, isPlain, span } = word
    if (this.#isPassedOver || !written.includes('${'))
      return scalarNode(written, isPlain, this.#text, span)
    const result = substitute(written, this.#environment, this.#allowed)
    if ('problem' in result || hasControlCharacter(result.value)) return null
    // As of every value that a reference is in, quotes are not for its type.
    return scalarNode(result.value, isPlain || result.value !== written, this.#text, span)
  }

  /** A key, and the colon behind it with its blank. */
  #readKey(plain: RegExp): Word | null {
    const key = this.#readWord(plain)
    if (key === null || key.span.end - key.span.start > KEY_LENGTH_MAX) return null
    if (key.text === '' || key.text === '<<' || key.text === '__proto__') return null
    this.#skipSpaces()
    if (this.#text.charCodeAt(this.#at++) !== COLON) return null
    const next = this.#text.charCodeAt(this.#at)
    return next === SPACE || next === LF || this.#at === this.#text.length ? key : null
  }

  /** Whether a key is next, which is not taken yet. */
  #isKey(): boolean {
    const at = this.#at
    const isKey = this.#readKey(BLOCK_PLAIN) !== null
    this.#at = at
    return isKey
  }

  /** A scalar as it is written. */
  #readWord(plain: RegExp): Word | null {
    const text = this.#text
    const start = this.#at
    const code = text.charCodeAt(start)
    const isPlain = code !== DOUBLE_QUOTE && code !== SINGLE_QUOTE
    const form = isPlain ? plain : code === DOUBLE_QUOTE ? DOUBLE_QUOTED : SINGLE_QUOTED
    form.lastIndex = start
    if (!form.test(text)) return null
    const end = form.lastIndex
    this.#at = end
    this.#parts++
    const span = { start, end }
    if (isPlain) return { text: text.slice(start, end), isPlain, span }
    const inner = text.slice(start + 1, end - 1)
    return { text: code === DOUBLE_QUOTE ? unescaped(inner) : undoubled(inner), isPlain, span }
  }

  /** Whether a bracket closes here, which is then passed. */
  #closes(bracket: number): boolean {
    this.#skipSpaces()
    if (this.#text.charCodeAt(this.#at) !== bracket) return false
    this.#at++
    return true
  }

  /** Whether a comma is next, which is then passed, or a bracket that closes. */
  #separates(bracket: number): boolean {
    this.#skipSpaces()
    const code = this.#text.charCodeAt(this.#at)
    if (code === COMMA) this.#at++
    return code === COMMA || code === bracket
  }

  /** Whether the line begins an item of a list. */
  #isItem(): boolean {
    const isDash = this.#text.charCodeAt(this.#at) === DASH
    return isDash && this.#text.charCodeAt(this.#at + 1) === SPACE
  }

  #skipSpaces(): void {
    while (this.#text.charCodeAt(this.#at) === SPACE) this.#at++
  }

  /** Passes blanks, and a comment behind one; whether the line ends there. */
  #skipBlanks(): boolean {
    const text = this.#text
    const start = this.#at
    this.#skipSpaces()
    if (text.charCodeAt(this.#at) === HASH && this.#at > start) {
      const end = text.indexOf('\n', this.#at)
      this.#at = end < 0 ? text.length : end
    }
    return this.#at === text.length || text.charCodeAt(this.#at) === LF
  }

  /** Goes on to the next line that says something, from the end of one or the start of the text. */
  #skipLines(): void {
    const text = this.#text
    while (this.#at < text.length) {
      if (text.charCodeAt(this.#at) === LF) this.#at++
      const start = this.#at
      this.#skipSpaces()
      const code = text.charCodeAt(this.#at)
      this.#parts++
      if (code === HASH) {
        const end = text.indexOf('\n', this.#at)
        this.#at = end < 0 ? text.length : end
      } else if (code !== LF && this.#at < text.length) {
        this.#indent = this.#at - start
        return
      }
    }
    this.#indent = -1
  }
}

function unescaped(inner: string): string {
  return inner.includes('\\') ? inner.replace(/\\(.)/g, '$1') : inner
}

function undoubled(inner: string): string {
  return inner.includes("'") ? inner.replaceAll("''", "'") : inner
}
