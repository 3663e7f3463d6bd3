import { Duplex } from 'node:stream'
import { type ConnectionOptions, connect } from 'node:tls'

/** What OpenSSL, as a client, sends first; latin1. */
export function clientHello(options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        resolve(chunk.toString('latin1'))
        done()
      },
    })
    connect({ socket, ...options }).on('error', () => {})
  })
}
