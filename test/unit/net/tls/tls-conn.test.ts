import { once } from 'node:events'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type Conn,
  type ConnFailure,
  type ConnHandler,
  inetEndpoint,
} from '../../../../src/net/conn.ts'
import { createNodeEngine } from '../../../../src/net/engines/node/node-engine.ts'
import { connectNodeTls } from '../../../../src/net/engines/node/node-tls.ts'
import { ClientSessions, SESSION_NAMES_MAX } from '../../../../src/net/tls/client-sessions.ts'
import { ClientTlsContexts, type ClientTlsSettings } from '../../../../src/net/tls/client-tls.ts'
import type { TlsConn } from '../../../../src/net/tls/tls-conn.ts'
import { createAuthority, selfSigned } from '../../../fixtures/certificates.ts'
import { outgoingTls } from '../../../fixtures/outgoing-tls.ts'

const engine = createNodeEngine({ onAcceptFailure: () => {} })
const contexts = new ClientTlsContexts()
const authority = createAuthority()
const good = authority.issue({ names: ['a.example'] })
const closing: (() => void)[] = []

afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function portOf(server: Server, accepted: Socket[] = []): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    accepted.push(socket)
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return (server.address() as { port: number }).port
}

/** A server that speaks TLS. @param accepted is given the connections below */
function serve(
  options: TlsOptions,
  onSecure: (socket: TLSSocket) => void,
  accepted: Socket[] = [],
): Promise<number> {
  const server = createServer({ allowHalfOpen: true, ...options }, (socket) => {
    socket.on('error', () => {})
    onSecure(socket)
  })
  server.on('tlsClientError', () => {})
  return portOf(server, accepted)
}

/** What has become of a connection. */
interface Told {
  readonly events: string[]
  readonly received: () => string
  readonly closed: Promise<ConnFailure | null>
  readonly connected: Promise<TlsConn>
  readonly ended: Promise<void>
}

/** Connects, and tells what the handler is told. */
function dial(
  port: number,
  changes: Partial<ClientTlsSettings> = {},
  greeting = '',
): Told & { readonly secured: Promise<TlsConn> } {
  const settings: ClientTlsSettings = {
    context: contexts.of(outgoingTls(authority.cert)).context,
    verify: true,
    serverName: 'a.example',
    certificateName: changes.serverName === undefined ? 'a.example' : changes.serverName,
    alpn: [],
    sessions: null,
    ...changes,
  }
  const events: string[] = []
  const chunks: Buffer[] = []
  let tell: Record<'close' | 'connect' | 'end' | 'secured', (value: never) => void>
  const told = {} as typeof tell
  const promiseOf = <T>(name: keyof typeof tell): Promise<T> =>
    new Promise<T>((resolve) => {
      told[name] = resolve as never
    })
  const closed = promiseOf<ConnFailure | null>('close')
  const connected = promiseOf<TlsConn>('connect')
  const ended = promiseOf<void>('end')
  const secured = promiseOf<TlsConn>('secured')
  tell = told
  const handler: ConnHandler = {
    onConnect: (conn) => {
      events.push('connect')
      tell.connect(conn as never)
    },
    onData: (_, view, length) => chunks.push(Buffer.from(view.subarray(0, length))),
    onDrain: () => events.push('drain'),
    onEnd: () => {
      events.push('end')
      tell.end(undefined as never)
    },
    onClose: (_, failure) => {
      events.push('close')
      tell.close(failure as never)
    },
  }
  engine.connect(
    { kind: 'inet', host: '127.0.0.1', port },
    {
      ...handler,
      onConnect: (conn: Conn) => {
        if (greeting !== '') conn.write(greeting)
        tell.secured(connectNodeTls(conn, settings, handler) as never)
      },
    },
  )
  return {
    events,
    received: () => Buffer.concat(chunks).toString('latin1'),
    closed,
    connected,
    ended,
    secured,
  }
}

/** Why a handshake fails; '' where it does not. */
async function problemOf(port: number, changes: Partial<ClientTlsSettings> = {}): Promise<string> {
  const { secured, connected, closed } = dial(port, changes)
  const conn = await secured
  await Promise.race([connected, closed])
  const { problem } = conn
  conn.destroy()
  return problem ?? ''
}

const echo = (socket: TLSSocket): void => {
  socket.pipe(socket)
}

describe('a TLS connection', () => {
  it('carries bytes both ways, ends each direction by itself, and ends well', async () => {
    const { secured, events, received, closed, ended } = dial(await serve(good, echo))
    const conn = await secured
    // Before the handshake is complete, too.
    conn.write('one, ')
    conn.write(Buffer.from('two'))
    conn.end()
    await ended
    expect(received()).toBe('one, two')
    expect(await closed).toBeNull()
    expect(events).toEqual(['connect', 'end', 'close'])
    expect(conn.problem).toBeNull()
    expect(conn.write('late')).toBe(false)
  })

  it('carries much, to a reader that pauses, and asks to wait meanwhile', async () => {
    const bytes = Buffer.alloc(4_000_000, 'abcdefghijklmnopqrstuvwxyz')
    const { connected, events, received, ended } = dial(await serve(good, echo))
    const conn = await connected
    conn.pause()
    const memory = Buffer.from(bytes)
    expect(conn.write(memory)).toBe(false)
    // The memory is the caller's again.
    memory.fill(0)
    conn.end()
    conn.resume()
    await ended
    expect(Buffer.from(received(), 'latin1').equals(bytes)).toBe(true)
    expect(events.filter((event) => event === 'connect' || event === 'end')).toEqual([
      'connect',
      'end',
    ])
  })

  it('tells when more may be written', async () => {
    const { connected, events, ended } = dial(
      await serve(good, (socket) => {
        let length = 0
        socket.on('data', (data: Buffer) => {
          length += data.length
          if (length === 3_000_000) socket.end('all')
        })
      }),
    )
    const conn = await connected
    conn.write(Buffer.alloc(3_000_000))
    await ended
    expect(events).toContain('drain')
  })

  it('begins behind what was written before it', async () => {
    const heard: string[] = []
    const port = await portOf(
      createTcpServer((socket) => {
        socket.once('data', (data) => heard.push(data.toString('latin1')))
      }),
    )
    const { secured } = dial(port, {}, 'PROXY UNKNOWN\r\n')
    const conn = await secured
    const start = 'PROXY UNKNOWN\r\n\x16\x03\x01'
    await expect.poll(() => heard.join('').slice(0, start.length)).toBe(start)
    conn.destroy()
  })

  it('asks for the name, and for protocols in order', async () => {
    const names: unknown[] = []
    const options = { ...good, ALPNProtocols: ['http/1.1', 'h2'] }
    const port = await serve(options, (socket) => names.push(socket.servername))
    const { connected } = dial(port, { alpn: ['h2', 'http/1.1'] })
    const conn = await connected
    expect(conn.alpnProtocol).toMatch(/^(h2|http\/1\.1)$/)
    await expect.poll(() => names).toEqual(['a.example'])
    const plain = await dial(port, { serverName: null }).connected
    expect(plain.alpnProtocol).toBeNull()
    await expect.poll(() => names).toEqual(['a.example', false])
    for (const one of [conn, plain]) one.destroy()
  })

  it('knows the ends of the connection below it', async () => {
    const port = await serve(good, () => {})
    const conn = await dial(port).connected
    expect(conn.remote).toEqual(inetEndpoint('127.0.0.1', port))
    expect(conn.local.address).toBe('127.0.0.1')
    const remote = inetEndpoint('192.0.2.1', 5)
    const local = inetEndpoint('192.0.2.2', 6)
    conn.declareEndpoints(remote, local)
    expect([conn.remote, conn.local]).toEqual([remote, local])
    conn.destroy()
  })

  it('is quiet while nothing has come', async () => {
    const sockets: TLSSocket[] = []
    // In TLS 1.2 no ticket follows the handshake.
    const port = await serve({ ...good, maxVersion: 'TLSv1.2' }, (socket) => sockets.push(socket))
    const { connected, secured } = dial(port)
    expect((await secured).isQuiet()).toBe(false)
    const conn = await connected
    expect(conn.isQuiet()).toBe(true)
    expect(conn.queuedBytes).toBe(0)
    conn.pause()
    await expect.poll(() => sockets.length).toBe(1)
    sockets[0]?.write('more')
    await expect.poll(() => conn.isQuiet()).toBe(false)
    conn.destroy()
    expect(conn.isQuiet()).toBe(false)
  })

  it.each(['destroy', 'reset'] as const)('is gone after %s, and says who did it', async (how) => {
    const { connected, closed, events } = dial(await serve(good, () => {}))
    const conn = await connected
    conn[how]()
    conn[how]()
    expect(await closed).toBe('aborted')
    expect(events).toEqual(['connect', 'close'])
    expect(conn.write('x')).toBe(false)
  })

  it('says that the peer has broken it off', async () => {
    const accepted: Socket[] = []
    const { closed, connected, events } = dial(await serve(good, () => {}, accepted))
    await connected
    accepted[0]?.resetAndDestroy()
    expect(await closed).toBe('reset')
    expect(events).toEqual(['connect', 'close'])
  })
})

describe('a handshake fails', () => {
  it.each([
    ['has expired', { ...authority.issue({ names: ['a.example'], validUntilDays: -0.5 }) }, {}],
    [
      'is not valid yet',
      authority.issue({ names: ['a.example'], validFromDays: 2, validUntilDays: 3 }),
      {},
    ],
    ['is for another name', authority.issue({ names: ['b.example'] }), {}],
    ['is self-signed', selfSigned({ names: ['a.example'] }), {}],
    ['is of an unknown authority', createAuthority('Other').issue({ names: ['a.example'] }), {}],
    [
      'is of an unknown authority',
      good,
      { context: contexts.of(outgoingTls('', { authorities: null })).context },
    ],
  ])('when the certificate %s, unless nothing is verified', async (problem, options, changes) => {
    const port = await serve(options, () => {})
    expect(await problemOf(port, changes)).toBe(`the certificate ${problem}`)
    expect(await problemOf(port, { ...changes, verify: false })).toBe('')
  })

  it('not for the name of a certificate when none was asked for', async () => {
    const port = await serve(authority.issue({ names: ['b.example'] }), () => {})
    expect(await problemOf(port, { serverName: null })).toBe('')
    expect(await problemOf(port, { serverName: 'b.example' })).toBe('')
  })

  it('when the server does not speak TLS', async () => {
    const port = await portOf(createTcpServer((socket) => socket.end('220 mail ESMTP\r\n')))
    expect(await problemOf(port)).toBe('what came is not TLS')
  })

  it('when the server ends at once', async () => {
    const port = await portOf(createTcpServer((socket) => socket.end()))
    expect(await problemOf(port)).toBe('closed during the handshake')
  })

  it('when there is no version of TLS in common', async () => {
    const port = await serve({ ...good, minVersion: 'TLSv1', maxVersion: 'TLSv1' }, () => {})
    expect(await problemOf(port)).toMatch(/version|alert|handshake|protocol/)
  })

  it('when the peer resets', async () => {
    const port = await portOf(
      createTcpServer((socket) => socket.once('data', () => socket.resetAndDestroy())),
    )
    const { closed, events } = dial(port)
    expect(await closed).toBe('reset')
    expect(events).toEqual(['close'])
  })
})

describe('terms', () => {
  it('are the same where files, versions and ciphers are', () => {
    const own = new ClientTlsContexts()
    const terms = own.of(outgoingTls(authority.cert))
    expect(own.of(outgoingTls(authority.cert, { verifyHost: 'b.example' }))).toBe(terms)
    expect(own.of(outgoingTls(authority.cert)).context).toBe(terms.context)
    expect(own.of(outgoingTls(authority.cert, { minVersion: 'TLSv1.3' }))).not.toBe(terms)
    expect(own.of(outgoingTls('', { authorities: null }))).not.toBe(terms)
  })

  it('are not kept without end', () => {
    const own = new ClientTlsContexts()
    const first = own.of(outgoingTls(''))
    for (let n = 0; n < 64; n++) own.of(outgoingTls(`${authority.cert}${' '.repeat(n)}`))
    expect(own.of(outgoingTls(''))).not.toBe(first)
  })
})

describe('the end of what a server sends', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('is one with close_notify (%s)', async (maxVersion) => {
    const port = await serve({ ...good, maxVersion }, (socket) => {
      socket.once('data', () => socket.end('whole'))
    })
    const { connected, received, events, ended } = dial(port)
    ;(await connected).write('x')
    await ended
    expect(received()).toBe('whole')
    expect(events).toEqual(['connect', 'end'])
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('is none without it (%s)', async (maxVersion) => {
    const accepted: Socket[] = []
    const port = await serve(
      { ...good, maxVersion },
      (socket) => socket.once('data', () => socket.write('part', () => accepted[0]?.end())),
      accepted,
    )
    const { connected, received, events, closed } = dial(port)
    const conn = await connected
    conn.write('x')
    expect(await closed).toBe('reset')
    expect([received(), conn.problem]).toEqual(['part', 'closed without close_notify'])
    expect(events).toEqual(['connect', 'close'])
  })

  it.each([
    [true, null],
    [false, 'closed without close_notify'],
  ] as const)('is told apart behind much that is read late: whole %s', async (isWhole, problem) => {
    const accepted: Socket[] = []
    const bytes = Buffer.alloc(2_000_000, 'x')
    const port = await serve(
      good,
      (socket) => {
        if (isWhole) socket.end(bytes)
        else socket.write(bytes, () => accepted[0]?.end())
      },
      accepted,
    )
    const { connected, received, closed, ended } = dial(port)
    const conn = await connected
    for (let n = 0; n < 5; n++) {
      conn.pause()
      await new Promise((resolve) => setTimeout(resolve, 10))
      conn.resume()
      await new Promise(setImmediate)
    }
    await Promise.race([closed, ended])
    expect([received().length, conn.problem]).toEqual([bytes.length, problem])
    conn.destroy()
  })
})

describe('sessions', () => {
  it('are resumed, one of each name, and forgotten where a handshake fails', async () => {
    const sessions = new ClientSessions()
    const port = await serve(good, (socket) => socket.write('x'))
    const isResumed = async (serverName: string | null): Promise<boolean | undefined> => {
      const { connected, received } = dial(port, { serverName, certificateName: null, sessions })
      const conn = await connected
      await expect.poll(() => received()).toBe('x')
      const { isResumed: resumed } = conn.tls ?? {}
      conn.destroy()
      return resumed
    }
    expect([await isResumed('a.example'), await isResumed('a.example')]).toEqual([false, true])
    expect([await isResumed(null), await isResumed('a.example')]).toEqual([false, true])
    const other = await portOf(createTcpServer((socket) => socket.end('220 mail\r\n')))
    await dial(other, { sessions }).closed
    expect(sessions.get('a.example')).toBeUndefined()
    expect(sessions.get(null)).toBeDefined()
  })

  it('are kept of so many names, those of the last ones', () => {
    const sessions = new ClientSessions()
    for (let n = 0; n <= SESSION_NAMES_MAX; n++) sessions.keep(`${n}.example`, Buffer.from([n]))
    expect(sessions.get('0.example')).toBeUndefined()
    expect(sessions.get('1.example')).toEqual(Buffer.from([1]))
    sessions.keep('1.example', Buffer.from([9]))
    sessions.keep('new.example', Buffer.from([1]))
    expect(sessions.get('1.example')).toEqual(Buffer.from([9]))
    expect(sessions.get('2.example')).toBeUndefined()
  })
})
