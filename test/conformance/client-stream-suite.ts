import { describe, expect, it } from 'vitest'
import { localAnswer } from '../../src/http/answers/local-answer.ts'
import type { BodySink } from '../../src/http/body.ts'
import type { RequestHead } from '../../src/http/request-head.ts'
import type { ClientStream, RequestOwner } from '../../src/worker/streams/client-stream.ts'
import { responseHead } from './stream-heads.ts'

/** The client at the other end of a stream, in the version of HTTP that is tested. */
export interface ClientPeer {
  /** Sends a request without a body. */
  ask(method: string, path: string): void
  /** Sends the head of a POST that announces a body of so many bytes. */
  post(path: string, bodyBytes: number): void
  /** Sends more of the body. */
  send(text: string): void
  /** Sends the head of a POST whose body has no length, the body in one piece and a trailer. */
  requestWithTrailer(path: string, body: string, trailer: string): void
  /** Ends its side. */
  end(): void
  /** Is gone. */
  leave(): void
  /** Takes nothing more of the response, or takes it again. */
  stall(): void
  drain(): void
  /** It is not being read. */
  readonly isStopped: boolean
  /** Lets time pass. */
  pass(ms: number): void
  /** What it has got so far, head lines and bodies, in the order in which it came. */
  readonly got: string
  /** Its last response came whole, by what its version tells of that. */
  readonly isWhole: boolean
  /** It may send another request. */
  readonly isOpen: boolean
}

/** A kind of client stream. */
export interface ClientStreamKind {
  readonly name: string
  /** `timeout client` of its lab. */
  readonly clientMs: number
  start(open: (stream: ClientStream) => RequestOwner): ClientPeer
}

/** An owner that keeps what it is told, in words, and what comes of the body. */
class Notes implements RequestOwner {
  #stream: ClientStream | null = null
  readonly told: string[] = []
  body = ''
  hasServer = true
  readonly dropsRequestTrailer = (name: string): boolean => name === 'x-dropped'

  /** The stream that its client has, which may begin with its first request. */
  get stream(): ClientStream {
    if (this.#stream === null) throw new Error('there was no request')
    return this.#stream
  }

  own(stream: ClientStream): this {
    this.#stream = stream
    return this
  }

  get requestBody(): BodySink | null {
    return this.hasServer ? this.#sink : null
  }

  readonly #sink: BodySink = {
    takesChunks: false,
    sendBody: (view, start, end) => {
      this.body += view.toString('latin1', start, end)
    },
    endBody: () => {
      this.told.push('body ends')
    },
  }

  begin(): void {
    this.body = ''
  }

  run(head: RequestHead): void {
    this.told.push(`${head.method} ${head.path}`)
  }

  refuse(status: number): void {
    this.told.push(`refuse ${status}`)
  }

  late(): void {
    this.told.push('late')
  }

  abandon(): void {
    this.told.push('abandoned')
  }

  onRequestProgress(): void {}

  onRequestBroken(status: number): void {
    this.told.push(`broken ${status}`)
  }

  onClientDrain(): void {
    this.told.push('drain')
  }

  onClientEnd(): void {
    this.told.push('end')
  }

  onClientClose(): void {
    this.told.push('close')
  }

  onClientTimeout(): void {
    this.told.push('timeout')
  }

  cut(): void {}

  dispose(): void {}
}

function respond(stream: ClientStream, body: string, isWhole = true): void {
  const view = Buffer.from(body)
  expect(stream.sendHead(responseHead(200, isWhole ? body.length : body.length + 1), '')).toBe(true)
  stream.sendBody(view, 0, view.length)
  if (isWhole) stream.endBody('')
  stream.flush()
  if (isWhole) stream.finish()
}

/** What every client stream does, whatever the version of HTTP. */
export function describeClientStream(kind: ClientStreamKind): void {
  const start = () => {
    const owner = new Notes()
    const peer = kind.start((stream) => owner.own(stream))
    return { peer, owner }
  }

  describe(`a client stream of ${kind.name}`, () => {
    it('tells a request, and gives its client the response', () => {
      const { peer, owner } = start()
      peer.ask('GET', '/a')
      expect([owner.told, owner.stream.isRequestWhole]).toEqual([['GET /a'], true])
      respond(owner.stream, 'hello')
      expect(peer.got).toMatch(/ 200 .*hello$/s)
      expect([peer.isWhole, peer.isOpen]).toEqual([true, true])
      peer.ask('GET', '/b')
      expect(owner.told).toEqual(['GET /a', 'GET /b'])
    })

    it('hands on a body as it comes, and says when it is whole', () => {
      const { peer, owner } = start()
      peer.post('/', 6)
      peer.send('abc')
      expect([owner.body, owner.stream.isRequestWhole]).toEqual(['abc', false])
      peer.send('def')
      expect([owner.body, owner.stream.isRequestWhole]).toEqual(['abcdef', true])
      expect(owner.told).toEqual(['POST /', 'body ends'])
    })

    it('keeps what comes while nobody takes it', () => {
      const { peer, owner } = start()
      owner.hasServer = false
      peer.post('/', 6)
      peer.send('abc')
      expect([owner.body, peer.isStopped]).toEqual(['', true])
      owner.hasServer = true
      owner.stream.readRequest()
      expect([owner.body, peer.isStopped]).toEqual(['abc', false])
      peer.send('def')
      expect(owner.stream.isRequestWhole).toBe(true)
    })

    it('does not read a client whose request is not taken', () => {
      const { peer, owner } = start()
      peer.post('/', 6)
      owner.stream.stopRequest()
      expect(peer.isStopped).toBe(true)
      owner.stream.readRequest()
      expect(peer.isStopped).toBe(false)
    })

    it('reads a body without a length', () => {
      const { peer, owner } = start()
      peer.requestWithTrailer('/', 'abc', 'X-Sum: 1')
      expect([owner.body, owner.stream.isRequestWhole]).toEqual(['abc', true])
      expect(owner.told).toEqual(['POST /', 'body ends'])
    })

    it('sends interim responses before the final one', () => {
      const { peer, owner } = start()
      peer.ask('GET', '/')
      owner.stream.sendInterim(responseHead(103, 0))
      respond(owner.stream, 'x')
      expect(peer.got).toMatch(/ 103 .* 200 .*x$/s)
    })

    it('says when its client does not keep up, and when it does', () => {
      const { peer, owner } = start()
      peer.ask('GET', '/')
      peer.stall()
      respond(owner.stream, 'some', false)
      expect(owner.stream.isBlocked).toBe(true)
      peer.drain()
      expect([owner.stream.isBlocked, owner.told]).toEqual([false, ['GET /', 'drain']])
    })

    it('gives an answer of our own, and stays open', () => {
      const { peer, owner } = start()
      peer.ask('GET', '/')
      owner.stream.answer(localAnswer(503, 'X-Why: full\r\n', 'later'), 503, false)
      owner.stream.finish()
      expect(peer.got).toMatch(/ 503 .*X-Why: full\r\n.*later$/s)
      expect([peer.isWhole, peer.isOpen]).toEqual([true, true])
    })

    it('gives an answer without a body to HEAD', () => {
      const { peer, owner } = start()
      peer.ask('HEAD', '/')
      owner.stream.answer(localAnswer(503, '', 'later'), 503, false)
      owner.stream.finish()
      expect(peer.got).toContain(' 503 ')
      expect([peer.got.includes('later'), peer.isOpen]).toEqual([false, true])
    })

    it.each([
      ['that is to be the last', localAnswer(403, '', ''), 403, true],
      ['that is none', { ...localAnswer(403, '', ''), isSilent: true }, 403, false],
      ['to a client that was too late', localAnswer(200, '', ''), 408, false],
    ] as const)('gives no other answer after one %s', (_, answer, status, closes) => {
      const { peer, owner } = start()
      peer.ask('GET', '/')
      owner.stream.answer(answer, status, closes)
      owner.stream.finish()
      expect(peer.got === '').toBe(answer.isSilent)
      expect(peer.isOpen).toBe(false)
    })

    it('refuses a head that has no room', () => {
      const { peer, owner } = start()
      peer.ask('GET', '/')
      expect(owner.stream.sendHead(responseHead(200, 0), `X: ${'x'.repeat(20_000)}\r\n`)).toBe(
        false,
      )
      owner.stream.flush()
      expect(peer.got).toBe('')
    })

    it.each(['breakOff', 'reset'] as const)(
      'lets nobody take a cut response for a whole one: %s',
      (how) => {
        const { peer, owner } = start()
        peer.ask('GET', '/')
        respond(owner.stream, 'some', false)
        owner.stream[how]()
        expect(peer.isWhole).toBe(false)
      },
    )

    it('tells of a client that ends before its request does', () => {
      const { peer, owner } = start()
      peer.post('/', 6)
      peer.end()
      expect(owner.told).toEqual(['POST /', 'end'])
    })

    it('tells of a client that leaves', () => {
      const { peer, owner } = start()
      peer.ask('GET', '/')
      peer.leave()
      expect(owner.told).toEqual(['GET /', 'close'])
    })

    it('tells once of a client that is waited for too long', () => {
      const { peer, owner } = start()
      peer.post('/', 6)
      owner.stream.expectClient()
      peer.pass(kind.clientMs - 100)
      expect(owner.told).toEqual(['POST /'])
      peer.pass(300)
      expect(owner.told).toEqual(['POST /', 'timeout'])
    })

    it('tells nothing of a request that is over', () => {
      const { peer, owner } = start()
      peer.ask('GET', '/')
      respond(owner.stream, 'x')
      peer.pass(2 * kind.clientMs)
      peer.leave()
      expect(owner.told).toEqual(['GET /'])
    })

    it('counts what went either way', () => {
      const { peer, owner } = start()
      peer.post('/', 3)
      const before = owner.stream.bytesIn
      peer.send('abc')
      expect([before > 0, owner.stream.bytesIn]).toEqual([true, before + 3])
      respond(owner.stream, 'hello')
      expect(owner.stream.bytesOut).toBeGreaterThan('hello'.length)
    })
  })
}
