import type { Report } from '../diagnostics/diagnostics.ts'
import type { Cursor } from '../text/tree.ts'
import { DEFAULT_GLOBAL } from '../values/default-values.ts'
import { formatSize, parseSize } from '../values/sizes.ts'

/** Reports sizes that a buffer has no room for. */
export function validateTune(tree: Cursor, report: Report): void {
  const tune = tree.at('global').at('tune')
  const bufsize = tune.at('bufsize')
  const bufsizeBytes = bufsize.node === null ? DEFAULT_GLOBAL.bufsizeBytes : bytesOf(bufsize)
  if (bufsizeBytes === null) return
  // HAProxy takes half where more is asked for, without a word.
  const halfBytes = Math.floor(bufsizeBytes / 2)
  const half = 'this is more than half of bufsize; the rest is for a message head'
  validateRoom(tune.at('maxrewrite'), halfBytes, half, report)
  const line = 'this is more than bufsize, which a request line must fit into'
  validateRoom(tune.at('http.max-request-line'), bufsizeBytes, line, report)
}

function validateRoom(at: Cursor, bytesMax: number, message: string, report: Report): void {
  if ((bytesOf(at) ?? 0) <= bytesMax) return
  const hint = `At most ${formatSize(bytesMax)}.`
  report.error(at.span, at.path, { code: 'out-of-range', message, hint })
}

function bytesOf(at: Cursor): number | null {
  const size = parseSize(String(at.value))
  return 'value' in size ? size.value : null
}
