import { noteHeader } from '../../h1/header-facts.ts'
import {
  HEADER_CONTENT_LENGTH,
  HEADER_OTHER,
  HEADER_REMOVED,
  type HeaderTable,
} from '../../header-table.ts'
import { REJECT } from '../../rejects.ts'
import type { HeaderField } from '../hpack/header-field.ts'
import { asBytes } from './text-bytes.ts'

/**
 * Puts fields of HTTP/2 into a header table as the lines that HTTP/1 has for them, by the same
 * checks. What frames or routes is written the usual way by that.
 */
export class FieldText {
  readonly #table: HeaderTable
  /** The lines so far, with what stands before them. */
  text = ''

  constructor(table: HeaderTable) {
    this.#table = table
  }

  /** Empties the table. @param firstLine with its CRLF */
  begin(firstLine: string): void {
    this.#table.clear()
    this.text = firstLine
  }

  /**
   * Adds a field that may be there.
   *
   * @param kind what `kindOf` has found it to be
   *
   * @returns 0, or a reject code
   */
  add({ name, value }: HeaderField, kind: number): number {
    const table = this.#table
    if (table.count === table.ids.length) return REJECT.tooManyHeaders
    const isIgnored = kind === HEADER_CONTENT_LENGTH && table.framingIgnored
    const id = isIgnored ? HEADER_REMOVED : kind
    const nameStart = this.text.length
    const nameEnd = nameStart + name.length
    const valueStart = nameEnd + 2
    const valueEnd = valueStart + value.length
    this.text += `${name}: ${value}\r\n`
    table.append(id, nameStart, nameEnd, valueStart, valueEnd)
    return id === HEADER_OTHER ? 0 : this.#note(id, value)
  }

  #note(id: number, value: string): number {
    return noteHeader(id, asBytes(value), 0, value.length, this.#table)
  }

  /** The head is whole: the table has its text. @returns 0, or a reject code */
  end(bytesMax: number): number {
    const text = `${this.text}\r\n`
    this.#table.text = text
    return text.length > bytesMax ? REJECT.headTooLarge : 0
  }
}
