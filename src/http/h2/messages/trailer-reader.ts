import { HEADER_OTHER } from '../../header-table.ts'
import type { ChunkLimits } from '../../limits.ts'
import { REJECT } from '../../rejects.ts'
import { isDroppedTrailer, isRefusedTrailer, type TrailerTest } from '../../trailers.ts'
import type { FieldBlock } from './field-block.ts'
import { KIND_PSEUDO, kindOf } from './field-kind.ts'

/** What a field takes as a line beside its characters. */
const LINE_REST_BYTES = ': \r\n'.length

/**
 * Reads trailers (RFC 9113 section 8.1) by the rules that hold for those of a body in chunks.
 *
 * @param drops asked for trailers beside those that never go on
 * @returns what stands behind such a body: lines and the empty one after them, '' where none goes on;
 *   or a reject code
 */
export function readTrailers(
  block: FieldBlock,
  { trailerBytesMax }: ChunkLimits,
  drops: TrailerTest,
): string | number {
  if (block.reject < 0) return REJECT.trailersTooLarge
  let lines = ''
  let bytes = 0
  for (let index = 0; index < block.count; index++) {
    const field = block.at(index)
    const kind = kindOf(field)
    if (kind < HEADER_OTHER) return kind
    const { name, value } = field
    // RFC 9113 section 8.1: trailers have no pseudo-header fields.
    if (kind === KIND_PSEUDO) return REJECT.pseudoField
    if (isRefusedTrailer(name)) return REJECT.trailerForbidden
    bytes += name.length + value.length + LINE_REST_BYTES
    if (bytes > trailerBytesMax) return REJECT.trailersTooLarge
    if (!isDroppedTrailer(name) && !drops(name)) lines += `${name}: ${value}\r\n`
  }
  return lines === '' ? '' : `${lines}\r\n`
}
