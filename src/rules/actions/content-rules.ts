import { DURATION_MS_MAX, readDurationMs } from '../../base/quantities.ts'
import type { Words } from '../language/words.ts'
import { parseContentAction } from './action-registry.ts'
import type { ContentAction } from './outcomes.ts'

/** A `tcp-request` line up to its condition. HAProxy configuration manual, tcp-request. */
export type TcpRequestLine =
  | { readonly kind: 'inspect-delay'; readonly inspectDelayMs: number }
  | { readonly kind: 'content'; readonly action: ContentAction }

const KINDS = ['inspect-delay', 'content']
const UNSUPPORTED_KINDS = ['connection', 'session']

/** @returns null where it is wrong, with the problem in `words` */
export function parseTcpRequest(words: Words): TcpRequestLine | null {
  const hint = `Known: ${KINDS.join(', ')}.`
  const kind = words.expect('what to do', hint)
  if (kind === null) return null
  if (UNSUPPORTED_KINDS.includes(kind.text)) {
    const message = `"${kind.text}" is not available in this version`
    return words.refuse(kind, message, 'Write content accept or content reject.')
  }
  switch (kind.text) {
    case 'inspect-delay': {
      const word = words.expect('a duration', 'Write inspect-delay 5s.')
      if (word === null) return null
      const inspectDelayMs = readDurationMs(word.text)
      if (inspectDelayMs !== null && inspectDelayMs <= DURATION_MS_MAX) {
        return { kind: 'inspect-delay', inspectDelayMs }
      }
      return words.refuse(word, `"${word.text}" is not a duration`, 'Write inspect-delay 5s.')
    }
    case 'content': {
      const action = parseContentAction(words)
      return action === null ? null : { kind: 'content', action }
    }
    default:
      return words.refuse(kind, `"${kind.text}" is not a kind of tcp-request`, hint)
  }
}
