import { once } from 'node:events'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { TestAuthority } from '../../../conformance/transport-certificates.ts'
import { until, untilConnected } from '../../../conformance/transport-lab.ts'
import { frame, RawConnection, upgradeHead } from './attacker.ts'
import { type Changes, SecuredNode, secret } from './secured-nodes.ts'

const HASTY = { handshakeTimeoutMs: 150 }
/** Neither a secret nor certificates: what is said is looked at as it comes. */
const OPEN: Changes = { secret: null }

async function listening(name = 'a', changes: Changes = {}): Promise<SecuredNode> {
  const node = new SecuredNode(name, changes)
  await node.listen()
  return node
}

/** A legitimate peer is linked after whatever happened before. */
async function expectOpenToFriends(node: SecuredNode): Promise<void> {
  const friend = await listening('friend')
  friend.transport.setPeers([node.peer])
  await untilConnected(friend, node)
}

describe('whoever speaks HTTP to a node', () => {
  it.each([
    ['asks for a page', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['asks for the path of links', 'GET /peer/v1 HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['sends a body', 'POST /peer/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello'],
    ['upgrades elsewhere', upgradeHead('/')],
    ['upgrades beside', upgradeHead('/peer/v1/../v1')],
    ['upgrades with a query', upgradeHead('/peer/v1?x')],
    ['comes from a web page', upgradeHead('/peer/v1', 'Origin: http://127.0.0.1')],
    ['wants something else than WebSocket', upgradeHead().replace('websocket', 'h2c')],
    ['has no key', upgradeHead().replace(/Sec-WebSocket-Key.*\r\n/, '')],
  ])('is told nothing: %s', async (_what, request) => {
    const node = await listening('a', OPEN)
    const answer = (await new RawConnection(node.address).write(request).closed()).toString()
    expect(answer).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/)
    expect(answer).toMatch(/\r\n\r\n$/)
    node.expectUntouched()
  })

  it.each([
    ['no HTTP', 'hello\r\n\r\n'],
    ['a head that is too long', `GET /peer/v1 HTTP/1.1\r\nX: ${'x'.repeat(3000)}\r\n\r\n`],
    ['a tunnel', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n'],
  ])('is cut off with %s', async (_what, request) => {
    const node = await listening('a', OPEN)
    expect((await new RawConnection(node.address).write(request).closed()).length).toBe(0)
    node.expectUntouched()
  })
})

describe('whoever takes too long', () => {
  it.each([
    ['says nothing', ''],
    ['stops in the head', upgradeHead().slice(0, 40)],
    ['upgrades and says no more', upgradeHead()],
    [
      'stops in a frame',
      Buffer.concat([Buffer.from(upgradeHead()), frame(Buffer.alloc(99)).subarray(0, 50)]),
    ],
  ])('is cut off: %s', async (_what, start) => {
    const node = await listening('a', { ...OPEN, limits: HASTY })
    const connection = new RawConnection(node.address).write(start)
    await connection.closed()
    await node.untilRefused('timeout')
    await until('the count to fall', () => node.stats.handshakes === 0)
    node.expectUntouched()
  })

  it('is cut off even while it goes on by drops', async () => {
    const node = await listening('a', { ...OPEN, limits: HASTY })
    const connection = new RawConnection(node.address)
    const head = upgradeHead('/peer/v1', `X-Filler: ${'x'.repeat(1500)}`)
    let at = 0
    const drip = setInterval(() => connection.write(head.slice(at, ++at)), 5)
    onTestFinished(() => clearInterval(drip))
    await connection.closed()
    await node.untilRefused('timeout')
  })

  it('is cut off even while it pings', async () => {
    const node = await listening('a', { ...OPEN, limits: HASTY })
    const connection = new RawConnection(node.address).write(upgradeHead())
    const ping = setInterval(() => connection.write(frame(Buffer.alloc(3), 9)), 5)
    onTestFinished(() => clearInterval(ping))
    await connection.closed()
    await node.untilRefused('timeout')
  })
})

describe('whoever speaks WebSocket and no more', () => {
  const challenge = Buffer.concat([
    Buffer.from([1, 1, 0, 1, 'z'.charCodeAt(0), 1, 'a'.charCodeAt(0)]),
    Buffer.alloc(32, 7),
  ])

  it.each<[string, Buffer, 'garbage' | 'version' | 'stranger']>([
    ['text', frame(Buffer.from('hello'), 1), 'garbage'],
    ['an empty message', frame(Buffer.alloc(0)), 'garbage'],
    ['noise', frame(Buffer.alloc(60, 0xee)), 'garbage'],
    ['a frame of 2^40 bytes', frame(Buffer.alloc(10), 2, 2n ** 40n), 'garbage'],
    ['a frame of 2^63 bytes', frame(Buffer.alloc(10), 2, 2n ** 63n), 'garbage'],
    ['a frame of 70,000 bytes', frame(Buffer.alloc(70_000)), 'garbage'],
    ['a frame without a mask', frame(challenge, 2, BigInt(challenge.length), false), 'garbage'],
    ['an unknown kind of frame', frame(Buffer.alloc(3), 5), 'garbage'],
    ['another version', frame(Buffer.from([1, 2, 1])), 'version'],
    [
      'the proof of a secret beside TLS',
      frame(Buffer.from(challenge.map((byte, n) => (n === 2 ? 1 : byte)))),
      'version',
    ],
    [
      'a wrong name',
      frame(Buffer.from(challenge.map((byte, n) => (n === 6 ? 0x62 : byte)))),
      'stranger',
    ],
  ])('is refused: %s', async (_what, bytes, reason) => {
    const node = await listening('a', OPEN)
    const connection = new RawConnection(node.address).write(upgradeHead(), bytes)
    await connection.closed()
    await node.untilRefused(reason)
    expect(node.stats.refused[reason]).toBe(1)
    expect(node.heard).toEqual([])
    node.expectUntouched()
  })

  it('is refused where it knows none of the formats', async () => {
    const node = await listening('a', OPEN)
    const head = upgradeHead('/peer/v1', 'Sec-WebSocket-Protocol: sluice.8, sluice.9')
    const answer = await new RawConnection(node.address).write(head).closed()
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 426 /)
    await node.untilRefused('version')
    node.expectUntouched()
  })

  it('is answered in the newest format that it knows too', async () => {
    const node = await listening('a', OPEN)
    const head = upgradeHead('/peer/v1', 'Sec-WebSocket-Protocol: sluice.1, sluice.9')
    const connection = new RawConnection(node.address).write(head)
    await until('the answer', () => connection.received.includes('\r\n\r\n'))
    expect(connection.received.toString()).toContain('Sec-WebSocket-Protocol: sluice.1\r\n')
  })

  it('makes a node keep no more than a message', async () => {
    const node = await listening('a', { ...OPEN, limits: HASTY })
    const connection = new RawConnection(node.address).write(upgradeHead())
    const pieces = Array.from({ length: 40 }, () => Buffer.from([2, 0x80, 0, 0, 0, 0]))
    pieces[0] = Buffer.from([2, 0x80 | 126, 0xff, 0xff, 0, 0, 0, 0, ...Buffer.alloc(65_535)])
    pieces[1] = Buffer.from([0, 0x80 | 126, 0xff, 0xff, 0, 0, 0, 0, ...Buffer.alloc(65_535)])
    connection.write(...pieces)
    await connection.closed()
    await node.untilRefused('garbage')
  })
})

describe('whoever has no secret', () => {
  const wrong = Buffer.alloc(32, 'another secret')

  it.each<[string, (node: SecuredNode) => RawConnection, 'credentials' | 'garbage']>([
    ['speaks no TLS', ({ address }) => new RawConnection(address).write(upgradeHead()), 'garbage'],
    [
      'makes noise',
      ({ address }) => new RawConnection(address).write(Buffer.alloc(99, 7)),
      'garbage',
    ],
    [
      'has another',
      ({ address }) => new RawConnection(address, { secret: wrong, name: 'b' }),
      'credentials',
    ],
    [
      'has no name that a node could have',
      ({ address }) => new RawConnection(address, { secret, name: 'a\x1b[2J' }),
      'credentials',
    ],
  ])('is refused: %s', async (_what, call, reason) => {
    const node = await listening()
    await call(node).closed()
    await node.untilRefused(reason)
    expect(node.stats.refused[reason]).toBe(1)
    expect(JSON.stringify(node.refusals)).not.toContain('[2J')
    expect(node.heard).toEqual([])
    node.expectUntouched()
    await expectOpenToFriends(node)
  })

  it('is refused with TLS of any other kind', async () => {
    const node = await listening()
    const port = Number(node.address.split(':').at(-1))
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    socket.on('error', () => {})
    socket.write(upgradeHead())
    await node.untilRefused('credentials')
    node.expectUntouched()
  })

  it('is told apart from who only goes, and from who says nothing', async () => {
    const node = await listening('a', { limits: HASTY })
    new RawConnection(node.address).socket.resetAndDestroy()
    await new RawConnection(node.address).closed()
    await node.untilRefused('timeout')
    expect(node.stats.refused).toMatchObject({ garbage: 0, credentials: 0 })
  })

  it.each<[string, Changes, Changes]>([
    ['the caller has one', {}, OPEN],
    ['the called node has one', OPEN, {}],
  ])('is told by one of the two: %s', async (_what, ofCaller, ofCalled) => {
    const [a, b] = [await listening('a', ofCaller), await listening('b', ofCalled)]
    a.transport.setPeers([b.peer])
    await until('the refusal', () => a.refusals.length + b.refusals.length > 0)
    const messages = [...a.refusals, ...b.refusals].map(({ message }) => message)
    expect(messages.join()).toMatch(/speaks (no )?TLS/)
    b.expectUntouched()
  })

  it('finds one key of the moment for each connection', async () => {
    const node = await listening()
    const connection = new RawConnection(node.address, { secret, name: 'b' })
    const socket = connection.socket as TLSSocket
    await once(socket, 'secureConnect')
    expect(socket.getProtocol()).toBe('TLSv1.3')
    expect(socket.getCipher().name).toBe('TLS_AES_128_GCM_SHA256')
    // Without one, `psk_ke`, whoever learns the secret reads what was recorded.
    expect(socket.getEphemeralKeyInfo()).not.toEqual({})
  })

  it('cannot enter under a name other than the one that it has shown the secret for', async () => {
    const node = await listening()
    const connection = new RawConnection(node.address, { secret, name: 'c' })
    const hello = Buffer.from([4, 8, 1, 1, 0x62, 3, 0x62, 0x2f, 0x31, 0, 0])
    hello[1] = hello.length - 2
    const challenge = Buffer.from([1, 1, 0, 1, 0x62, 1, 0x61, ...Buffer.alloc(32)])
    connection.write(upgradeHead(), frame(challenge), frame(Buffer.from([3, 0])), frame(hello))
    await connection.closed()
    await node.untilRefused('stranger')
    expect(node.heard).toEqual([])
    node.expectUntouched()
  })
})

describe('whoever comes in numbers', () => {
  it('finds no more places from one address than there are, and keeps nobody else out', async () => {
    const limits = { handshakeTimeoutMs: 1500, handshakesPerAddressMax: 5 }
    const node = await listening('a', { limits })
    const crowd = Array.from({ length: 30 }, () => new RawConnection(node.address))
    await node.untilRefused('crowded', 25)
    await until(
      'the others to be closed',
      () => crowd.filter(({ isClosed }) => isClosed).length === 25,
    )
    expect(node.stats.handshakes).toBe(5)
    await Promise.all(crowd.map((connection) => connection.closed()))
    await expectOpenToFriends(node)
  })

  it('keeps nobody out by holding all places, not even for a moment', async () => {
    const limits = { silenceTimeoutMs: 30_000, handshakeTimeoutMs: 30_000, handshakesMax: 8 }
    const node = await listening('a', { limits })
    const crowd = Array.from({ length: 8 }, () => new RawConnection(node.address))
    await until('the places to be taken', () => node.stats.handshakes === 8)
    // It comes from an address of which nothing is known, and its place is the oldest stranger's.
    await expectOpenToFriends(node)
    expect(crowd.filter(({ isClosed }) => isClosed)).toHaveLength(1)
  })

  it('has a short time while it says nothing', async () => {
    const node = await listening('a', { limits: { silenceTimeoutMs: 100 } })
    await new RawConnection(node.address).closed()
    await node.untilRefused('timeout')
  })

  it('finds no more places in all than there are', async () => {
    const limits = { handshakeTimeoutMs: 1500, handshakesMax: 3, handshakesPerAddressMax: 9 }
    const node = await listening('a', { limits })
    const crowd = Array.from({ length: 10 }, () => new RawConnection(node.address))
    await node.untilRefused('crowded', 7)
    await Promise.all(crowd.map((connection) => connection.closed()))
    expect(node.stats.refused.timeout).toBe(3)
    await expectOpenToFriends(node)
  })
})

describe('whoever has no proper certificate', () => {
  const authority = new TestAuthority('nodes')
  const ours = (name: string) => authority.issue({ commonName: name, dnsNames: [name] })
  const elsewhere = new TestAuthority('elsewhere').issue({ commonName: 'b', dnsNames: ['b'] })

  it.each<[string, Changes]>([
    ['of another authority', { tls: { ...elsewhere, ca: authority.pem } }],
    ['that has expired', { tls: authority.issue({ commonName: 'b', until: '210101000000Z' }) }],
  ])('is not let in with one %s', async (_what, changes) => {
    const node = await listening('a', { secret: null, tls: ours('a') })
    const b = await listening('b', { secret: null, ...changes })
    b.transport.setPeers([node.peer])
    await node.untilRefused('credentials')
    expect(b.opened).toEqual([])
    node.expectUntouched()
  })

  it('is not let in with none', async () => {
    const node = await listening('a', { secret: null, tls: ours('a') })
    const port = Number(node.address.split(':').at(-1))
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    socket.on('error', () => {})
    socket.write(upgradeHead())
    await node.untilRefused('credentials')
    node.expectUntouched()
  })

  it.each([
    ['the alternative name', { commonName: 'b', dnsNames: ['c'] }],
    ['the common name', { commonName: 'c' }],
    ['a wildcard', { commonName: 'b', dnsNames: ['*'] }],
  ])('is not taken for another node by %s', async (_what, naming) => {
    const node = await listening('a', { secret: null, tls: ours('a') })
    // As b, and with a certificate that is valid, but not b's. Our own check would not let it start.
    const b = await listening('b', { secret: null, tls: ours('b') })
    const impostor = { ...ours('b'), ...authority.issue(naming) }
    const port = Number(node.address.split(':').at(-1))
    const socket = connectTls({
      port,
      host: '127.0.0.1',
      ca: authority.pem,
      cert: impostor.crt,
      key: impostor.key,
      checkServerIdentity: () => undefined,
    })
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => {})
    const hello = Buffer.from([4, 8, 1, 1, 0x62, 3, 0x62, 0x2f, 0x31, 0, 0])
    hello[1] = hello.length - 2
    const challenge = Buffer.from([1, 1, 0, 1, 0x62, 1, 0x61, ...Buffer.alloc(32)])
    socket.write(upgradeHead())
    socket.write(Buffer.concat([frame(challenge), frame(Buffer.from([3, 0])), frame(hello)]))
    await node.untilRefused('stranger')
    expect(node.heard).toEqual([])
    node.expectUntouched()
    b.transport.setPeers([node.peer])
    await untilConnected(b, node)
  })

  it('is not called by a node that looks for another', async () => {
    const c = await listening('c', { secret: null, tls: ours('c') })
    const a = await listening('a', { secret: null, tls: ours('a') })
    a.transport.setPeers([{ name: 'b', address: c.address }])
    await a.untilRefused('credentials')
    expect(a.refusals[0]?.message).toContain('not of b')
    expect(c.heard).toEqual([])
  })

  it('is told apart from one that speaks no TLS at all', async () => {
    const node = await listening('a', { secret: null, tls: ours('a') })
    await new RawConnection(node.address).write(upgradeHead()).closed()
    await node.untilRefused('garbage')
    const silent = await listening('b', { secret: null, tls: ours('b'), limits: HASTY })
    await new RawConnection(silent.address).closed()
    await silent.untilRefused('timeout')
  })

  it('does not start with a certificate in another name, or with none and no secret', () => {
    const code = expect.objectContaining({ code: 'peer-credentials' })
    expect(() => new SecuredNode('a', { secret: null, tls: ours('b') })).toThrow(code)
    for (const part of [{ crt: 'none' }, { key: 'none' }, { key: ours('a').key }]) {
      expect(() => new SecuredNode('a', { secret: null, tls: { ...ours('a'), ...part } })).toThrow(
        code,
      )
    }
    expect(() => new SecuredNode('a', { secret: Buffer.alloc(31) })).toThrow(code)
    expect(() => new SecuredNode('a', { secret: null, isOpenAllowed: false })).toThrow(code)
  })
})
