import type { OwnAnswer } from '../../../model/own-answer.ts'
import { type FieldLines, FRAMING_HEADERS, forEachField } from '../../fields.ts'
import { DROPS_CODING, DROPS_FRAMING, DROPS_HOP_BY_HOP, DROPS_UPGRADE } from '../../header-table.ts'
import type { ResponseHead } from '../../response-head.ts'
import type { Indexing } from '../hpack/hpack-encoder.ts'
import type { FieldWriter } from './request-writer.ts'

/** Names whose values hardly come twice on a connection: in its table they would push out others. */
const PLAIN_NAMES: ReadonlySet<string> = new Set([
  'age',
  'content-length',
  'content-range',
  'date',
  'etag',
  'expires',
  'last-modified',
  'location',
  'set-cookie',
])

/** What HTTP/1.1 answers to a WebSocket's key, which HTTP/2 has none of. RFC 8441 section 5. */
const WEBSOCKET_ACCEPT = 'sec-websocket-accept'
/** Fields that no message in HTTP/2 has. RFC 9113 section 8.2.2. */
const DROPPED = DROPS_HOP_BY_HOP | DROPS_UPGRADE | DROPS_CODING

/**
 * Writes the head of a response that was received as the fields of a header block: RFC 9113 section
 * 8.3.2. What is about a connection is left out (section 8.2.2).
 *
 * @param added fields behind those
 */
export function writeResponse(head: ResponseHead, added: FieldLines, to: FieldWriter): void {
  const { headers, status, tunnel } = head
  // Section 8.5, RFC 8441 section 5: a tunnel begins with a status of success.
  to.field(':status', String(status === 101 ? 200 : status), 'indexed')
  const isContentless = status < 200 || status === 204 || tunnel
  const dropped = isContentless ? DROPPED | DROPS_FRAMING : DROPPED
  const { ids, count } = headers
  for (let index = 0; index < count; index++) {
    if (((dropped >>> (ids[index] as number)) & 1) !== 0) continue
    const name = headers.name(index).toLowerCase()
    if (status === 101 && name === WEBSOCKET_ACCEPT) continue
    to.field(name, headers.usualValue(index), indexingOf(name))
  }
  writeFields(added, to)
}

/** Writes the head of an answer of our own. */
export function writeAnswer({ status, fields, body }: OwnAnswer, to: FieldWriter): void {
  to.field(':status', String(status), 'indexed')
  // RFC 9110 section 8.6: no Content-Length with 204; with 304 it would be that of a 200.
  const hasLength = status !== 204 && status !== 304
  if (hasLength) to.field('content-length', String(body.length), 'plain')
  writeFields(fields, to)
}

function writeFields(fields: FieldLines, to: FieldWriter): void {
  if (fields === '') return
  forEachField(fields, (written, value) => {
    const name = written.toLowerCase()
    if (!FRAMING_HEADERS.has(name)) to.field(name, value, indexingOf(name))
  })
}

function indexingOf(name: string): Indexing {
  return PLAIN_NAMES.has(name) ? 'plain' : 'indexed'
}
