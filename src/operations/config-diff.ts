/**
 * Lines that may differ before two texts are called altogether different: the work grows with the
 * square. About 50 ms of the control plane.
 */
const EDITS_MAX = 1000

const CONTEXT_LINES = 3

/** A text and what it is called. */
export interface NamedText {
  readonly name: string
  readonly text: string
}

/**
 * What makes one text another, as a unified diff (POSIX, diff -u). Texts that have hardly a line in
 * common are told as one taken out and the other put in.
 *
 * @returns '' where the texts are equal
 */
export async function unifiedDiff(from: NamedText, to: NamedText): Promise<string> {
  if (from.text === to.text) return ''
  const { createTwoFilesPatch, FILE_HEADERS_ONLY } = await import('diff')
  const patch = createTwoFilesPatch(from.name, to.name, from.text, to.text, undefined, undefined, {
    context: CONTEXT_LINES,
    headerOptions: FILE_HEADERS_ONLY,
    maxEditLength: EDITS_MAX,
  })
  return patch ?? replacement(from, to)
}

function replacement(from: NamedText, to: NamedText): string {
  const out = linesOf(from.text, '-')
  const put = linesOf(to.text, '+')
  const places = `@@ -${placeOf(out.count)} +${placeOf(put.count)} @@\n`
  return `--- ${from.name}\n+++ ${to.name}\n${places}${out.lines}${put.lines}`
}

function placeOf(count: number): string {
  return count === 0 ? '0,0' : `1,${count}`
}

function linesOf(text: string, sign: string): { count: number; lines: string } {
  if (text === '') return { count: 0, lines: '' }
  const isEnded = text.endsWith('\n')
  const lines = (isEnded ? text.slice(0, -1) : text).split('\n')
  const ending = isEnded ? '' : '\\ No newline at end of file\n'
  return { count: lines.length, lines: lines.map((line) => `${sign}${line}\n`).join('') + ending }
}
