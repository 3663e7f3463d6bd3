import { METHODS } from 'node:http'
import { describe, expect, it } from 'vitest'
import {
  everyCut,
  MessageReader,
  type ReadMessage,
  type Transcript,
} from '../../unit/http/message-reader.ts'
import { requestBytes, responseBytes } from './case-generator.ts'
import { readWithLlhttp } from './llhttp-reader.ts'
import { Seeded } from './seeded.ts'

const runs = Number(process.env['FUZZ_RUNS'] ?? 4000)
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)
const MINUTE_MS = 60_000
const testTimeoutMs = Math.max(MINUTE_MS, runs * 10)
/** The part of the cases that must be read to the end, or the generator makes only rubbish. */
const ACCEPTED_SHARE_MIN = 0.2

interface Tally {
  accepted: number
  messages: number
}

function isAccepted({ outcome }: Transcript): boolean {
  return outcome === 'open' || outcome === 'closed'
}

/** Methods that llhttp does not know are the one thing that it may refuse and this codec take. */
function hasKnownMethod({ startLine }: ReadMessage): boolean {
  return METHODS.includes(startLine.slice(0, startLine.indexOf(' ')))
}

/** What llhttp says of a chunk size with blanks behind it, which is read here in responses. */
const PADDED_SIZE = 'HPE_INVALID_CHUNK_SIZE'

/** Framing in such a response means nothing (RFC 9110 section 9.3.6); llhttp refuses it if wrong. */
function opensTunnel({ startLine }: ReadMessage, answering?: string): boolean {
  return answering === 'CONNECT' && /^1\.\d 2/.test(startLine)
}

function expectSameInPieces(bytes: Buffer, whole: Transcript, pieces: MessageReader): void {
  const text = JSON.stringify(whole)
  const cuts = everyCut(bytes)
  for (const some of [cuts, ...cuts.map((cut) => [cut])]) {
    const inPieces = pieces.readAll(bytes, some)
    if (JSON.stringify(inPieces) !== text) expect(inPieces, `cut at ${some}`).toEqual(whole)
  }
}

/**
 * What was read here, llhttp reads alike. A message that is refused within its body may have gone
 * on there, or have been refused earlier.
 */
function expectSameByLlhttp(bytes: Buffer, reader: MessageReader, answering?: string): void {
  const ours = reader.transcript
  const theirs = readWithLlhttp(bytes, answering)
  const strangers = ours.messages.findIndex((message) => !hasKnownMethod(message))
  const known = answering !== undefined || strangers < 0 ? ours.messages.length : strangers
  for (const [index, message] of ours.messages.slice(0, known).entries()) {
    const other = theirs.messages[index] as ReadMessage
    if (other === undefined && theirs.error !== '' && opensTunnel(message, answering)) return
    const isStricter = answering !== undefined && theirs.error === PADDED_SIZE
    const isRead = message.whole || isAccepted(ours)
    if (isRead && isStricter && other !== undefined && !other.whole) {
      const { body, whole } = message
      expect(body.startsWith(other.body)).toBe(true)
      expect({ ...other, body, whole }).toEqual(message)
      return
    }
    if (isRead) expect(other).toEqual(message)
    else {
      const shorter = Math.min(message.body.length, other.body.length)
      const cut = { body: message.body.slice(0, shorter), whole: false }
      expect({ ...other, ...cut, body: other.body.slice(0, shorter) }).toEqual({
        ...message,
        ...cut,
      })
    }
  }
  if (ours.outcome !== 'open' || known < ours.messages.length) return
  expect(theirs.messages.length).toBe(ours.messages.length)
  // Of a head that is not all there llhttp may know already what is wrong.
  if (reader.keptBytes === 0) expect(theirs.error).toBe('')
}

/** The messages sent on, one after the other, are read as the same bodies, here and by llhttp. */
function expectSameForwarded(
  reader: MessageReader,
  again: MessageReader,
  answering?: string,
): void {
  for (const [index, message] of reader.transcript.messages.entries()) {
    if (!message.whole) continue
    const bytes = Buffer.from(reader.forwarded[index] as string, 'latin1')
    const { messages, outcome } = again.readAll(bytes)
    expect(outcome).toMatch(/open|closed/)
    expect(messages).toHaveLength(1)
    expect(messages).toMatchObject([{ body: message.body, whole: true }])
    if (answering !== undefined || hasKnownMethod(message)) {
      expect(readWithLlhttp(bytes, answering).messages).toEqual(messages)
    }
  }
}

function fuzz(make: (random: Seeded) => Buffer, answering?: string): Tally {
  const random = new Seeded(seed)
  const options = answering === undefined ? {} : { answering }
  const reader = new MessageReader(options)
  const other = new MessageReader(options)
  const tally = { accepted: 0, messages: 0 }
  for (let run = 0; run < runs; run++) {
    const bytes = make(random)
    try {
      const whole = reader.readAll(bytes)
      expectSameByLlhttp(bytes, reader, answering)
      expectSameForwarded(reader, other, answering)
      expectSameInPieces(bytes, whole, other)
      tally.messages += whole.messages.length
      if (isAccepted(whole)) tally.accepted++
    } catch (cause) {
      const text = JSON.stringify(bytes.toString('latin1'))
      throw new Error(`seed ${seed}, run ${run}, answering ${answering}: ${text}`, { cause })
    }
  }
  return tally
}

describe('the codec beside llhttp', () => {
  it.each([
    { what: 'requests', make: requestBytes, answering: undefined },
    { what: 'responses', make: responseBytes, answering: 'GET' },
    { what: 'responses to HEAD', make: responseBytes, answering: 'HEAD' },
    { what: 'responses to CONNECT', make: responseBytes, answering: 'CONNECT' },
  ])(
    'reads $what alike, in whatever pieces they come',
    ({ what, make, answering }) => {
      const { accepted, messages } = fuzz(make, answering)
      console.log(`${what}: seed ${seed}, ${runs} runs, ${accepted} accepted, ${messages} messages`)
      expect(accepted).toBeGreaterThan(runs * ACCEPTED_SHARE_MIN)
    },
    testTimeoutMs,
  )
})
