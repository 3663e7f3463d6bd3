import { describe, expect, it } from 'vitest'
import type { BodySink } from '../../src/http/body.ts'
import type { ResponseHead } from '../../src/http/response-head.ts'
import type { ResponseOwner, ServerStream } from '../../src/worker/streams/server-stream.ts'
import { outgoingRequest } from './stream-heads.ts'

/** The server at the other end of a stream, in the version of HTTP that is tested. */
export interface ServerPeer {
  /** Sends an interim response. */
  inform(status: number): void
  /** Sends the head of a response that announces a body of so many bytes. */
  respond(status: number, bodyBytes: number): void
  /** Sends more of the body. */
  send(text: string): void
  /** Sends a response whose body has no length: in one piece, and trailers behind it. */
  respondWithTrailers(body: string, trailers: readonly string[]): void
  /** Sends what is no response. */
  sendJunk(): void
  /** Sends the first bytes of a head. */
  begin(): void
  /** Agrees to a tunnel, and sends the first bytes in it. */
  switchProtocols(first: string): void
  /** Ends in order, or is gone. */
  end(): void
  leave(): void
  /** Takes nothing more of the request, or takes it again. */
  stall(): void
  drain(): void
  /** It is not being read. */
  readonly isStopped: boolean
  /** What it has got so far, head lines and body. */
  readonly got: string
  /** The body that it has got so far, without its framing, and the trailers behind it. */
  readonly gotBody: string
  /** The stream is gone for it. */
  readonly isClosed: boolean
  /** What carries its streams may carry another, and nobody else than the same client if so said. */
  readonly restsFor: 'nobody' | 'anybody' | 'this client'
}

/** A kind of server stream. */
export interface ServerStreamKind {
  readonly name: string
  /** A stream that is given up takes what carries it along. */
  readonly isAlone: boolean
  start(owner: ResponseOwner): { readonly stream: ServerStream; readonly peer: ServerPeer }
}

/** An owner that keeps what it is told, in words, and what comes of the body. */
class Notes implements ResponseOwner {
  readonly told: string[] = []
  body = ''
  /** What it does with the next response. */
  take: () => boolean = () => true
  readonly dropsResponseTrailer = (name: string): boolean => name === 'x-dropped'
  readonly #sink: BodySink = {
    takesChunks: true,
    sendBody: (view, start, end) => {
      this.body += view.toString('latin1', start, end)
    },
    endBody: (trailers) => {
      this.body += trailers
    },
  }

  onInterim(head: ResponseHead): void {
    this.told.push(`interim ${head.status}`)
  }

  onResponse(head: ResponseHead): BodySink | null {
    this.told.push(`response ${head.status}`)
    return this.take() ? this.#sink : null
  }

  onTunnel(head: ResponseHead, rest: Buffer): void {
    this.told.push(`tunnel ${head.status} ${rest.toString('latin1')}`)
  }

  onResponseProgress(): void {}

  onResponseEnd(): void {
    this.told.push('whole')
  }

  onResponseBroken(): void {
    this.told.push('broken')
  }

  onServerDrain(): void {
    this.told.push('drain')
  }

  onServerEnd(): void {
    this.told.push('end')
  }

  onServerRefused(): void {
    this.told.push('refused')
  }
}

const GET = outgoingRequest('GET', '/a', [['Host', 'a']])
const UPGRADE = outgoingRequest('GET', '/a', [
  ['Host', 'a'],
  ['Upgrade', 'echo'],
  ['Connection', 'upgrade'],
])
const POST = outgoingRequest('POST', '/a', [
  ['Host', 'a'],
  ['Content-Length', '6'],
])
const UNFRAMED = outgoingRequest('POST', '/a', [
  ['Host', 'a'],
  ['Transfer-Encoding', 'chunked'],
])
UNFRAMED.isUnframed = true

/** What every server stream does, whatever the version of HTTP. */
export function describeServerStream(kind: ServerStreamKind): void {
  const start = (request = GET) => {
    const owner = new Notes()
    const { stream, peer } = kind.start(owner)
    stream.sendHead(request)
    expect(stream.flush()).toBe(true)
    return { owner, stream, peer }
  }

  describe(`a server stream of ${kind.name}`, () => {
    it('sends a request and tells its response', () => {
      const { owner, peer, stream } = start()
      expect(peer.got).toContain('/a')
      expect(stream.isSilent).toBe(true)
      peer.respond(200, 4)
      peer.send('ab')
      expect([owner.told, owner.body, stream.isSilent]).toEqual([['response 200'], 'ab', false])
      peer.send('cd')
      expect([owner.told, owner.body]).toEqual([['response 200', 'whole'], 'abcd'])
    })

    it('sends a body as it comes, and says when the server does not keep up', () => {
      const { owner, peer, stream } = start(POST)
      const view = Buffer.from('abcdef')
      stream.sendBody(view, 0, 3)
      expect(stream.flush()).toBe(true)
      peer.stall()
      stream.sendBody(view, 3, 6)
      stream.endBody('')
      expect(stream.flush()).toBe(false)
      expect(peer.got).toMatch(/abcdef$/)
      peer.drain()
      expect(owner.told).toEqual(['drain'])
    })

    it('tells interim responses', () => {
      const { owner, peer } = start()
      peer.inform(103)
      peer.inform(102)
      peer.respond(204, 0)
      expect(owner.told).toEqual(['interim 103', 'interim 102', 'response 204', 'whole'])
    })

    it('does not let interim responses go on for ever', () => {
      const { owner, peer } = start()
      for (let n = 0; n < 10_000 && !owner.told.includes('broken'); n++) peer.inform(103)
      expect(owner.told.at(-1)).toBe('broken')
    })

    it('passes trailers on, but for those that are dropped', () => {
      const { owner, peer } = start()
      peer.respondWithTrailers('abc', ['x-sum: 1', 'x-dropped: 2'])
      expect(owner.told).toEqual(['response 200', 'whole'])
      expect(owner.body).toContain('abc')
      expect(owner.body).toContain('x-sum: 1')
      expect(owner.body).not.toContain('x-dropped')
    })

    it('is not read while its response is not taken', () => {
      const { peer, stream } = start()
      peer.respond(200, 1_000_000)
      stream.pause()
      expect(peer.isStopped).toBe(true)
      stream.resume()
      expect(peer.isStopped).toBe(false)
    })

    it('can be lent again after a response that was told whole', () => {
      const { peer, stream } = start()
      peer.respond(200, 0)
      stream.release(true, false)
      expect([peer.restsFor, peer.isStopped]).toEqual(['anybody', false])
    })

    it.each(['', 'x-t: 1\r\n\r\n'])(
      'frames a body that comes as data, with its trailers: %j',
      (trailers) => {
        const { peer, stream } = start(UNFRAMED)
        const view = Buffer.from('0123456789abcdef')
        stream.sendBody(view, 0, 16)
        stream.sendBody(view, 3, 3)
        stream.sendBody(view, 0, 1)
        stream.endBody(trailers)
        stream.flush()
        expect(peer.gotBody).toBe(`0123456789abcdef0 ${trailers}`)
      },
    )

    it('is kept for a client whom its server knows by the connection', () => {
      const { peer, stream } = start()
      peer.respond(200, 0)
      stream.release(true, true)
      expect(peer.restsFor).toBe('this client')
    })

    it('is not lent again where its request was not sent whole', () => {
      const { peer, stream } = start(POST)
      peer.respond(200, 0)
      stream.release(false, false)
      expect([peer.restsFor, peer.isClosed]).toEqual([kind.isAlone ? 'nobody' : 'anybody', true])
    })

    it('tells what is no response', () => {
      const { owner, peer } = start()
      peer.sendJunk()
      expect(owner.told).toEqual(['broken'])
    })

    it.each(['end', 'leave'] as const)('tells of a server that is gone: %s', (how) => {
      const silent = start()
      silent.peer[how]()
      expect([silent.owner.told, silent.stream.isSilent]).toEqual([['end'], true])
      const begun = start()
      begun.peer.begin()
      begun.peer[how]()
      expect([begun.owner.told, begun.stream.isSilent]).toEqual([['end'], false])
      const cut = start()
      cut.peer.respond(200, 4)
      cut.peer.send('ab')
      cut.peer[how]()
      expect(cut.owner.told).toEqual(['response 200', 'end'])
    })

    it('tells nothing of a response that its owner does not want', () => {
      const { owner, peer, stream } = start()
      owner.take = () => {
        stream.reset()
        return false
      }
      peer.respond(503, 0)
      expect([owner.told, owner.body, peer.isClosed]).toEqual([['response 503'], '', true])
    })

    it('tells nothing after it was reset', () => {
      const { owner, peer, stream } = start()
      stream.reset()
      peer.end()
      expect([owner.told, peer.isClosed]).toEqual([[], true])
    })

    it.runIf(kind.isAlone)('becomes a tunnel with what came ahead', () => {
      const { owner, peer, stream } = start(UPGRADE)
      peer.switchProtocols('hi')
      expect(owner.told).toEqual(['tunnel 101 hi'])
      const conn = stream.detach()
      conn.write('bytes')
      expect(peer.got).toMatch(/bytes$/)
    })

    it('refuses a tunnel that nobody asked for', () => {
      const { owner, peer } = start()
      peer.switchProtocols('hi')
      expect(owner.told).toEqual(['broken'])
    })
  })
}
