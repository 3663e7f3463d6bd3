import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type ConnectionOptions, connect, createServer, type SecureVersion } from 'node:tls'
import { describe, expect, it } from 'vitest'
import {
  HELLO_BYTES_MAX,
  type HelloReading,
  readClientHello,
} from '../../../../src/net/tls/client-hello.ts'
import { selfSigned } from '../../../fixtures/certificates.ts'
import { clientHello } from '../../worker/accept/client-hellos.ts'

async function helloOf(options: ConnectionOptions): Promise<Buffer> {
  return Buffer.from(await clientHello(options), 'latin1')
}

function read(bytes: Buffer, length = bytes.length): HelloReading {
  return readClientHello(bytes, length)
}

const BOTH = { servername: 'A.Example', ALPNProtocols: ['h2', 'http/1.1'] }

/** A session whose tickets are sealed by a key with this name. */
async function sessionOf(maxVersion: SecureVersion): Promise<Buffer> {
  const { cert, key } = selfSigned({ names: ['a.example'] })
  const ticketKeys = Buffer.concat([Buffer.from('the key of tests'), Buffer.alloc(32)])
  const server = createServer({ cert, key, ticketKeys }, (socket) => socket.end('x'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const options = { servername: 'a.example', rejectUnauthorized: false, maxVersion }
  const socket = connect({ port, host: '127.0.0.1', ...options })
  const [session] = (await once(socket, 'session')) as [Buffer]
  socket.destroy()
  server.close()
  return session
}

/** The same handshake message, so many bytes in a record. */
function inRecords(hello: Buffer, bytes: number): Buffer {
  const records: Buffer[] = []
  for (let at = 5; at < hello.length; at += bytes) {
    const part = hello.subarray(at, at + bytes)
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 0xff]), part)
  }
  return Buffer.concat(records)
}

describe('a ClientHello', () => {
  it.each([
    ['all', BOTH, { serverName: 'a.example', alpn: ['h2', 'http/1.1'] }],
    ['a name', { servername: 'b.example' }, { serverName: 'b.example', alpn: [] }],
    ['nothing', {}, { serverName: null, alpn: [] }],
    [
      'it in TLS 1.2',
      { ...BOTH, maxVersion: 'TLSv1.2' as const },
      { serverName: 'a.example', version: 0x30003 },
    ],
  ])('that says %s is read', async (_, options, hello) => {
    const reading = read(await helloOf(options))
    expect(reading).toMatchObject({ outcome: 'complete', hello })
  })

  it('is incomplete wherever it is cut, and malformed nowhere', async () => {
    const hello = await helloOf(BOTH)
    for (let length = 0; length < hello.length; length++) {
      expect(read(hello, length).outcome, `${length}`).toBe('incomplete')
    }
  })

  it('may be in several records, but not in many', async () => {
    const hello = await helloOf(BOTH)
    for (const bytes of [100, 200, 1000]) {
      const cut = inRecords(hello, bytes)
      for (let length = 0; length < cut.length; length++) {
        expect(read(cut, length).outcome, `${length}`).toBe('incomplete')
      }
      expect(read(cut)).toMatchObject({ outcome: 'complete', hello: { serverName: 'a.example' } })
    }
    expect(read(inRecords(hello, 4)).outcome).toBe('malformed')
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'of %s says by whose key the tickets are sealed that it shows',
    async (maxVersion) => {
      const session = await sessionOf(maxVersion)
      const hello = await helloOf({ servername: 'a.example', maxVersion, session })
      expect(read(hello)).toMatchObject({ hello: { ticketKeyNames: ['the key of tests'] } })
      for (let at = 0; at < hello.length; at++) {
        const changed = Buffer.from(hello)
        changed[at] = (changed[at] ?? 0) ^ 0xff
        expect(['complete', 'incomplete', 'malformed']).toContain(read(changed).outcome)
      }
    },
  )

  it('may have more behind it', async () => {
    const hello = await helloOf(BOTH)
    const more = Buffer.concat([hello, Buffer.alloc(HELLO_BYTES_MAX, 'x')])
    expect(read(more).outcome).toBe('complete')
  })

  it('never makes reading fail, whatever byte of it is another', async () => {
    const hello = await helloOf(BOTH)
    for (let at = 0; at < hello.length; at++) {
      for (const byte of [0, 1, 0x7f, 0xff]) {
        const changed = Buffer.from(hello)
        changed[at] = byte
        expect(['complete', 'incomplete', 'malformed']).toContain(read(changed).outcome)
      }
    }
  })

  it.each([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
    ['a byte that is none', Buffer.from('\0')],
    ['SSL 2', Buffer.from([0x80, 0x2e, 1, 3, 1])],
    ['another record', Buffer.from([23, 3, 3, 0, 1, 0])],
    ['another message', Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])],
    ['an empty record', Buffer.from([22, 3, 1, 0, 0])],
    ['a record that is too long', Buffer.from([22, 3, 1, 0x40, 1])],
    ['a message that is too long', Buffer.from([22, 3, 1, 0x40, 0, 1, 1, 0, 0])],
    ['an empty message', Buffer.from([22, 3, 1, 0, 4, 1, 0, 0, 0])],
  ])('is not %s', (_, bytes) => {
    expect(read(bytes).outcome).toBe('malformed')
  })

  it('is given up at its bound', () => {
    const head = Buffer.from([22, 3, 1, 0x40, 0, 1, 0, 0x40, 0xf0])
    const endless = Buffer.concat([head, Buffer.alloc(HELLO_BYTES_MAX)])
    expect(read(endless, HELLO_BYTES_MAX - 300).outcome).toBe('incomplete')
    expect(read(endless, HELLO_BYTES_MAX).outcome).toBe('malformed')
  })
})
