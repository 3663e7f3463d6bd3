import { createServer, type RequestListener, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { CHANGE_TIMEOUT_MS } from './forwarding.ts'

/** Changes that other nodes have forwarded and that are not answered yet; more are cut off. */
export const FORWARDED_STREAMS_MAX = 64

/** For one stream, from its begin to its end: the node that forwards gives up a little earlier. */
const STREAM_MS = CHANGE_TIMEOUT_MS + 5000

/**
 * Speaks HTTP on streams that are already open: one change each. It has no address, so nobody but
 * the one who hands over the streams can reach it.
 */
export class ForwardedServer {
  readonly #server: Server
  readonly #streams = new Set<Duplex>()

  constructor(listener: RequestListener) {
    this.#server = createServer(listener)
  }

  /** Serves a stream until it ends. */
  serve(stream: Duplex): void {
    if (this.#streams.size >= FORWARDED_STREAMS_MAX) {
      stream.destroy()
      return
    }
    this.#streams.add(stream)
    const late = setTimeout(() => stream.destroy(), STREAM_MS)
    stream.once('close', () => {
      clearTimeout(late)
      this.#streams.delete(stream)
    })
    this.#server.emit('connection', stream)
  }

  /** Cuts all streams: whoever waits learns that the outcome is not known. */
  close(): void {
    for (const stream of this.#streams) stream.destroy()
  }
}
