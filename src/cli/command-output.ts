import { SluiceError } from '../base/errors.ts'
import type { CliIo, ConnectionOptions } from './daemon-connection.ts'

/** A column of a table. */
export interface Column {
  readonly title: string
  /** Numbers are aligned to the right. */
  readonly isNumber?: true
}

/** Rows as an aligned table with titles. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const all = [columns.map(({ title }) => title), ...rows]
  const widths = columns.map((_, column) =>
    all.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0),
  )
  const lines = all.map((row) =>
    columns
      .map(({ isNumber }, column) => {
        const cell = row[column] ?? ''
        const width = widths[column] ?? 0
        return isNumber === true ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

/** Writes an answer: as JSON where that is asked for, otherwise as its text. */
export function show(answer: unknown, text: string, options: ConnectionOptions, io: CliIo): void {
  io.write(options.json === true ? `${JSON.stringify(answer ?? {}, null, 2)}\n` : text)
}

/**
 * Makes sure that an answer is what the contract says, as far as the command relies on it.
 *
 * @throws SluiceError `admin-refused`
 */
export function expectAnswer(isExpected: boolean, what: string): void {
  if (!isExpected) throw new SluiceError('admin-refused', `the answer holds no ${what}`)
}

/** A text of the API in a cell: what would break the line is taken out. */
export function cell(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim() || '-'
}
