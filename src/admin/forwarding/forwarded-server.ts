import { createServer, type RequestListener, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { CHANGE_TIMEOUT_MS } from './forwarding.ts'
import { isRelayed } from './node-requests.ts'

/**
 * Requests of other nodes' clients, and changes of nodes of earlier versions, that are not answered
 * yet; more are cut off.
 */
export const FORWARDED_STREAMS_MAX = 64

/**
 * For one stream until its request is there, and for a change until its end: the node that forwards
 * gives up a little earlier.
 */
const STREAM_MS = CHANGE_TIMEOUT_MS + 5000

/**
 * Speaks HTTP on streams that are already open: one request each. It has no address, so nobody but
 * the one who hands over the streams can reach it.
 */
export class ForwardedServer {
  readonly #server: Server
  /** With what ends them. */
  readonly #streams = new Map<Duplex, NodeJS.Timeout>()

  constructor(listener: RequestListener) {
    this.#server = createServer((request, response) => {
      // What a client follows as it comes ends when that client has gone: its node cuts the stream.
      if (isRelayed(request)) clearTimeout(this.#streams.get(request.socket))
      listener(request, response)
    })
  }

  /** Serves a stream until it ends. */
  serve(stream: Duplex): void {
    if (this.#streams.size >= FORWARDED_STREAMS_MAX) {
      stream.destroy()
      return
    }
    const late = setTimeout(() => stream.destroy(), STREAM_MS)
    this.#streams.set(stream, late)
    stream.once('close', () => {
      clearTimeout(late)
      this.#streams.delete(stream)
    })
    this.#server.emit('connection', stream)
  }

  /** Cuts all streams: whoever waits learns that the outcome is not known. */
  close(): void {
    for (const stream of this.#streams.keys()) stream.destroy()
  }
}
