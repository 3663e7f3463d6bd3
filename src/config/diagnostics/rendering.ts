import type { Diagnostic } from './diagnostics.ts'
import { SourceText } from './source-text.ts'

/** Characters of a source line that are shown at most; a longer line is cut around the mark. */
const LINE_CHARACTERS_MAX = 100

/** Characters shown before the mark where the start of the line is cut. */
const LEAD_CHARACTERS = 40

/**
 * Diagnostics as text for people, in the form that compilers use and editors follow:
 * `file:line:col: error: message`, the line, a mark under it, a hint. Ends with a line break; ''
 * where there are none.
 *
 * @param text the text that was checked
 * @param file its name as the user gave it
 */
export function renderDiagnostics(
  text: string,
  file: string,
  diagnostics: readonly Diagnostic[],
): string {
  const source = new SourceText(text)
  return diagnostics.map((diagnostic) => renderDiagnostic(source, file, diagnostic)).join('')
}

function renderDiagnostic(source: SourceText, file: string, diagnostic: Diagnostic): string {
  const { line, col, endCol, severity, message, hint } = diagnostic
  const head = `${file}:${line}:${col}: ${severity}: ${printable(message)}\n`
  if (diagnostic.code === 'too-many-problems') return head
  const { shown, pad, mark } = excerpt([...source.line(line)], col - 1, endCol - 1)
  const gutter = ' '.repeat(String(line).length)
  const lines = [` ${line} | ${shown}`, ` ${gutter} | ${pad}${mark}`]
  if (hint !== '') lines.push(` ${gutter} = ${printable(hint)}`)
  return `${head}${lines.join('\n')}\n`
}

/** The part of a line that is shown, and what marks `[start, end)` of it on the line below. */
function excerpt(
  characters: readonly string[],
  start: number,
  end: number,
): { shown: string; pad: string; mark: string } {
  const cut = characters.length > LINE_CHARACTERS_MAX
  const from = cut ? Math.max(0, start - LEAD_CHARACTERS) : 0
  const to = cut ? Math.min(characters.length, from + LINE_CHARACTERS_MAX) : characters.length
  const lead = from > 0 ? '…' : ''
  const tail = to < characters.length ? '…' : ''
  const before = characters.slice(from, start).join('')
  const marked = characters.slice(start, Math.min(end, to)).join('')
  return {
    shown: `${lead}${printable(characters.slice(from, to).join(''))}${tail}`.trimEnd(),
    pad: blank(lead + before),
    mark: '^'.repeat(Math.max(1, blank(marked).length)),
  }
}

/** Characters that a terminal shows two columns wide: East Asian wide ones and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/gu

/** Blanks as wide as a text on a terminal. Tabs stay, so that they end where they do above. */
function blank(text: string): string {
  return text.replace(/\p{M}/gu, '').replace(WIDE, '  ').replace(/[^\t]/gu, ' ')
}

/**
 * The text without what would act on a terminal or disguise the line: control characters, and
 * format characters such as those that turn the direction of writing.
 */
function printable(text: string): string {
  return text.replace(/[^\P{C}\t]/gu, '\ufffd')
}
