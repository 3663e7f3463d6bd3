import type { OwnAnswer } from '../../model/own-answer.ts'
import {
  DROPS_FRAMING,
  DROPS_HOP_BY_HOP,
  DROPS_UPGRADE,
  FACT_CHUNKED,
  FACT_UPGRADE,
  keptFields,
} from '../header-table.ts'
import type { HeadLimits } from '../limits.ts'
import { REJECT, rejectOf } from '../rejects.ts'
import { ResponseHead } from '../response-head.ts'
import { parseResponseHead } from './response-parser.ts'

/** What an `errorfile` holds: an answer, or why it holds none. */
export type ErrorFile =
  | { readonly answer: OwnAnswer }
  | {
      /** What is wrong, to follow `errorfile PATH: `. */
      readonly problem: string
    }

/** The first empty line, with the end of the line before it. Files are written with LF, too. */
const HEAD_END = /\r?\n\r?\n/

/** What an empty file stands for. */
const SILENCE: OwnAnswer = {
  status: 0,
  reason: '',
  minorVersion: 1,
  fields: '',
  body: '',
  isSilent: true,
}

/**
 * Reads a whole HTTP/1 response and makes it an answer: every line ends with CRLF, what frames it
 * and what is said of its connection are gone (RFC 9110 section 7.6.1), so that a client knows where
 * the answer ends whatever the file says of it. Status line, all other headers and body stay as they
 * are.
 *
 * HAProxy configuration manual, errorfile.
 *
 * @param bytes the file; an empty one, such as /dev/null, stands for no answer at all
 */
export function readErrorFile(bytes: Buffer, limits: HeadLimits): ErrorFile {
  if (bytes.length === 0) return { answer: SILENCE }
  const text = bytes.toString('latin1')
  const end = HEAD_END.exec(text)
  if (end === null) return { problem: 'no empty line ends its headers' }
  const lines = text.slice(0, end.index).split(/\r?\n/)
  const body = text.slice(end.index + end[0].length)
  const head = new ResponseHead(limits)
  const view = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  const used = parseResponseHead(view, 0, view.length, 'GET', head)
  if (used <= 0) return { problem: rejectOf(used === 0 ? REJECT.statusLine : used).message }
  const problem = problemOf(head, body)
  return problem === null ? { answer: answerOf(head, body) } : { problem }
}

function problemOf({ status, headers }: ResponseHead, body: string): string | null {
  if (status < 200) return `status ${status} announces a response and is none`
  if ((headers.facts & FACT_CHUNKED) !== 0) return 'a body in chunks cannot be sent from a file'
  if (!hasContent(status) && body !== '') return `a response with status ${status} has no body`
  return null
}

/** RFC 9110 sections 15.3.5 and 15.4.5. */
function hasContent(status: number): boolean {
  return status !== 204 && status !== 304
}

function answerOf(head: ResponseHead, body: string): OwnAnswer {
  const { headers, status, reason, minorVersion } = head
  // RFC 9110 section 15.5.22: 426 names the protocols that would do, and HTTP/1 that it does.
  const offersUpgrade = status === 426 && (headers.facts & FACT_UPGRADE) !== 0
  const dropped = DROPS_HOP_BY_HOP | DROPS_FRAMING | (offersUpgrade ? 0 : DROPS_UPGRADE)
  const fields = keptFields(headers, head.headersStart, dropped)
  const option = offersUpgrade ? 'Connection: upgrade\r\n' : ''
  return { status, reason, minorVersion, fields: fields + option, body, isSilent: false }
}
