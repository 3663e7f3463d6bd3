import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ServerTable } from '../../../src/memory/server-table.ts'
import {
  CAUSES,
  ends,
  expectReleased,
  GET,
  type Lab,
  lastOf,
  OK,
  statusOf,
  triesOf,
} from './retry-lab.ts'
import { start } from './session-lab.ts'

const PLAN = { backend: { retryOn: CAUSES, retryOnStatuses: [503] } }
const LENGTH_HEAD = 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n'
const CHUNKED_HEAD = 'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
const CHUNKS = '5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n'
/** As they are sent on: chunk extensions end with the connection (RFC 9112 section 7.1.1). */
const CHUNKS_SENT = CHUNKS.replace(';a=b', '')

/** A request in the form in which its client sends it, and as a server gets it. */
interface Upload {
  readonly what: string
  readonly head: string
  readonly body: string
  readonly sent: string
}

const UPLOADS: readonly Upload[] = [
  {
    what: 'of known length',
    head: LENGTH_HEAD,
    body: 'hello world',
    sent: `${LENGTH_HEAD}hello world`,
  },
  { what: 'in chunks', head: CHUNKED_HEAD, body: CHUNKS, sent: CHUNKED_HEAD + CHUNKS_SENT },
]

/** A PUT whose body has this many bytes. */
function put(bytes: number): Upload {
  const head = `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n`
  const body = Array.from({ length: bytes }, (_, n) => String.fromCharCode(97 + (n % 26))).join('')
  return { what: `of ${bytes} bytes`, head, body, sent: head + body }
}

const table = ServerTable.create(1)

function connectIfOpening(lab: Lab, known: number): void {
  if (triesOf(lab) > known) lab.connectServer()
}

describe.each(UPLOADS)('a body $what', ({ head, body, sent }) => {
  it('is sent again to the last byte wherever the first server gives up', () => {
    const stream = head + body
    for (let cut = head.length; cut <= stream.length; cut++) {
      for (const isLate of [false, true]) {
        const lab = start({}, PLAN, table)
        lab.client.receive(stream.slice(0, cut))
        const first = lab.connectServer()
        expect(sent.startsWith(first.written)).toBe(true)
        ends(first)
        // The rest comes before the next connection is there, or after it.
        if (isLate) lab.connectServer()
        if (cut < stream.length) lab.client.receive(stream.slice(cut))
        const second = isLate ? lastOf(lab) : lab.connectServer()
        expect(second.written, `cut at ${cut}`).toBe(sent)
        second.receive(OK)
        expect(lab.client.written).toBe(OK)
        expect(lab.client.paused).toBe(false)
        expectReleased(lab)
      }
    }
  })

  it('is sent again in whatever pieces it comes, and however often', () => {
    const stream = head + body + GET
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: stream.length - 1 }), { maxLength: 8 })
    const failures = fc.array(fc.nat(12), { maxLength: 3 })
    fc.assert(
      fc.property(cuts, failures, (places, failing) => {
        const lab = start({}, PLAN, table)
        const bounds = [0, ...places.sort((a, b) => a - b), stream.length]
        for (let n = 1; n < bounds.length; n++) {
          const tries = triesOf(lab)
          lab.client.receive(stream.slice(bounds[n - 1], bounds[n]))
          connectIfOpening(lab, tries)
          for (const at of failing.filter((piece) => piece === n)) {
            if (triesOf(lab) === 0 || lab.places()[0] === 0) break
            expect(sent.startsWith(lastOf(lab).written), `before failure ${at}`).toBe(true)
            ends(lastOf(lab))
            lab.connectServer()
          }
        }
        expect(lastOf(lab).written).toBe(sent)
        lastOf(lab).receive(OK)
        expect(lastOf(lab).written).toBe(sent + GET)
        lastOf(lab).receive(OK)
        expect(lab.client.written).toBe(OK + OK)
        expectReleased(lab)
      }),
      { numRuns: 300 },
    )
  })

  it('is sent once where its request may not be done twice', () => {
    const post = (head + body).replace('PUT', 'POST')
    for (let cut = head.length + 1; cut <= post.length; cut += 3) {
      const lab = start({}, PLAN, table)
      lab.client.receive(post.slice(0, cut))
      ends(lab.connectServer())
      expect([triesOf(lab), statusOf(lab.client)]).toEqual([1, 502])
      expect(lab.client.ended).toBe(true)
      lab.client.receive(post.slice(cut))
      expectReleased(lab)
    }
  })
})

describe('http.retry-bufsize', () => {
  const upload = put(6000)
  const tuned = { httpRetryBodyBytesMax: 5000 }

  it.each([
    [0, true],
    [1, true],
    [4999, true],
    [5000, true],
    [5001, false],
    [6000, false],
  ])(
    'of 5000 bytes lets a request whose body was sent to byte %i be sent again: %s',
    (bytes, is) => {
      const stream = upload.head + upload.body
      const cut = upload.head.length + bytes
      for (const inBytes of [false, true]) {
        const lab = start(tuned, PLAN, table)
        const pieces = inBytes ? [...stream.slice(0, cut)] : [stream.slice(0, cut)]
        for (const piece of pieces) {
          const tries = triesOf(lab)
          lab.client.receive(piece)
          connectIfOpening(lab, tries)
        }
        const first = lastOf(lab)
        expect(first.written).toBe(stream.slice(0, cut))
        ends(first)
        expect(triesOf(lab)).toBe(is ? 2 : 1)
        if (is) {
          lab.client.receive(stream.slice(cut))
          expect(lab.connectServer().written).toBe(stream)
          lastOf(lab).receive(OK)
        }
        expect(statusOf(lab.client)).toBe(is ? 200 : 502)
        expectReleased(lab)
      }
    },
  )

  it('of 0 keeps nothing of a body', () => {
    const lab = start({ httpRetryBodyBytesMax: 0 }, PLAN)
    lab.client.receive(LENGTH_HEAD)
    ends(lab.connectServer())
    lab.connectServer()
    lab.client.receive('hello')
    ends(lastOf(lab))
    expect([triesOf(lab), statusOf(lab.client)]).toEqual([2, 502])
    expectReleased(lab)
  })

  it('counts what was sent, and not again what is sent again', () => {
    const lab = start(tuned, PLAN)
    const stream = upload.head + upload.body
    const cut = upload.head.length + 2500
    lab.client.receive(stream.slice(0, cut))
    ends(lab.connectServer())
    lab.connectServer()
    lab.client.receive(stream.slice(cut, cut + 2500))
    ends(lastOf(lab))
    expect(lab.connectServer().written).toBe(stream.slice(0, cut + 2500))
    lab.client.receive(stream.slice(cut + 2500))
    ends(lastOf(lab))
    expect([triesOf(lab), statusOf(lab.client)]).toEqual([3, 502])
    expectReleased(lab)
  })

  it('begins anew with the next request', () => {
    const lab = start(tuned, PLAN)
    const stream = upload.head + upload.body
    lab.client.receive(stream)
    lab.connectServer().receive(OK)
    const small = put(5000)
    lab.client.receive(small.head + small.body)
    ends(lastOf(lab))
    expect(lab.connectServer().written).toBe(small.sent)
    lastOf(lab).receive(OK)
    expect(lab.client.written).toBe(OK + OK)
    expectReleased(lab)
  })
})

describe('an upload', () => {
  it('goes on at the next server where the first one did not keep up', () => {
    const { head, body, sent } = put(10_000)
    const lab = start({}, PLAN)
    lab.client.receive(head)
    const first = lab.connectServer()
    first.takesMore = false
    lab.client.receive(body.slice(0, 4000))
    expect(lab.client.paused).toBe(true)
    ends(first)
    const second = lab.connectServer()
    expect(lab.client.paused).toBe(false)
    lab.client.receive(body.slice(4000, 8000))
    // A drain of the one that is gone means nothing.
    first.handler.onDrain(first)
    lab.client.receive(body.slice(8000))
    expect(second.written).toBe(sent)
    second.receive(OK)
    expect(lab.client.written).toBe(OK)
    expectReleased(lab)
  })

  it('waits for a next server that does not keep up either', () => {
    const { head, body, sent } = put(10_000)
    const lab = start({}, PLAN)
    lab.client.receive(head + body.slice(0, 4000))
    ends(lab.connectServer())
    const second = lastOf(lab)
    second.takesMore = false
    lab.connectServer()
    lab.client.receive(body.slice(4000, 8000))
    expect(lab.client.paused).toBe(true)
    second.takesMore = true
    second.handler.onDrain(second)
    expect(lab.client.paused).toBe(false)
    lab.client.receive(body.slice(8000))
    expect(second.written).toBe(sent)
    second.receive(OK)
    expect(lab.client.written).toBe(OK)
    expectReleased(lab)
  })

  it('is sent again after an early answer that is tried again', () => {
    const { head, body, sent } = put(3000)
    const lab = start({}, PLAN)
    lab.client.receive(head + body.slice(0, 1000))
    lab.connectServer().receive('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n')
    lab.client.receive(body.slice(1000))
    expect(lab.connectServer().written).toBe(sent)
    lastOf(lab).receive(OK)
    expect(lab.client.written).toBe(OK)
    expect(lab.client.ended).toBe(false)
    expectReleased(lab)
  })

  it('that waits to be asked for is sent to the server that asks', () => {
    const { head, body, sent } = put(300)
    const lab = start({}, PLAN)
    lab.client.receive(head.replace('\r\n\r\n', '\r\nExpect: 100-continue\r\n\r\n'))
    ends(lab.connectServer())
    const second = lab.connectServer()
    second.receive('HTTP/1.1 100 Continue\r\n\r\n')
    lab.client.receive(body)
    expect(second.written.replace('Expect: 100-continue\r\n', '')).toBe(sent)
    second.receive(OK)
    expect(lab.client.written).toBe(`HTTP/1.1 100 Continue\r\n\r\n${OK}`)
    expectReleased(lab)
  })

  it('that breaks its framing at the next server is refused there', () => {
    const lab = start({}, PLAN)
    lab.client.receive(`${CHUNKED_HEAD}5\r\nhello\r\n`)
    ends(lab.connectServer())
    lab.connectServer()
    lab.client.receive('nonsense\r\n')
    expect([triesOf(lab), statusOf(lab.client)]).toEqual([2, 400])
    expect(lastOf(lab).destroyed).toBe(true)
    expectReleased(lab)
  })

  it('is given up where its client leaves between two servers', () => {
    const lab = start({}, PLAN)
    lab.client.receive(LENGTH_HEAD)
    ends(lab.connectServer())
    lab.client.receive('hello')
    lab.client.handler.onEnd(lab.client)
    expect(lastOf(lab).destroyed).toBe(true)
    expect(statusOf(lab.client)).toBe(400)
    expectReleased(lab)
  })
})
