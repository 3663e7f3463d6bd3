import { CR, LF } from '../characters.ts'
import { REJECT } from '../rejects.ts'

/**
 * Passes the CRLF that must stand at `at`. RFC 9112 section 2.2 lets a reader take LF alone for a
 * line's end and forbids CR alone; who takes either reads other lines than who does not.
 *
 * @param otherwise the reject for a byte that belongs to no line end
 * @returns the place after it, 0 where it is still to come, or a reject code
 */
export function passLineEnd(view: Buffer, at: number, limit: number, otherwise: number): number {
  if (at >= limit) return 0
  if (view[at] !== CR) return view[at] === LF ? REJECT.bareLf : otherwise
  if (at + 1 === limit) return 0
  return view[at + 1] === LF ? at + 2 : REJECT.bareCr
}
