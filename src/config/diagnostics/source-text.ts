/** Half-open range of UTF-16 offsets into a {@link SourceText}. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** A place as editors count it: both from 1, the column in characters (Unicode code points). */
export interface Position {
  readonly line: number
  readonly col: number
}

/**
 * The text of a config file, without its byte order mark, and its lines. Lines end with LF or
 * CRLF, as in YAML 1.2 section 5.4; a lone CR is not taken for a line break.
 */
export class SourceText {
  readonly text: string
  readonly #lineStarts: number[] = [0]

  constructor(raw: string) {
    this.text = raw.startsWith('\ufeff') ? raw.slice(1) : raw
    for (let at = this.text.indexOf('\n'); at >= 0; at = this.text.indexOf('\n', at + 1)) {
      this.#lineStarts.push(at + 1)
    }
  }

  /** The place of an offset; offsets beyond the text count as its end. */
  position(offset: number): Position {
    const at = Math.min(offset, this.text.length)
    let low = 0
    let high = this.#lineStarts.length - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (this.#start(middle) <= at) low = middle
      else high = middle - 1
    }
    return { line: low + 1, col: characters(this.text.slice(this.#start(low), at)) + 1 }
  }

  /** The text of a line, counted from 1, without its line break; '' where there is none. */
  line(line: number): string {
    const start = this.#lineStarts[line - 1]
    if (start === undefined) return ''
    const next = this.#lineStarts[line]
    const text = this.text.slice(start, next === undefined ? this.text.length : next - 1)
    return text.endsWith('\r') ? text.slice(0, -1) : text
  }

  #start(index: number): number {
    return this.#lineStarts[index] as number
  }
}

function characters(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}
