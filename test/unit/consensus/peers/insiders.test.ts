import { describe, expect, it } from 'vitest'
import { encodeHello } from '../../../../src/consensus/peers/handshake/hello-codec.ts'
import { until, untilConnected } from '../../../conformance/transport-lab.ts'
import { Impostor, Meddler, RawConnection } from './attacker.ts'
import { type Changes, SecuredNode, secret } from './secured-nodes.ts'

async function listening(name = 'a', changes: Changes = {}): Promise<SecuredNode> {
  const node = new SecuredNode(name, changes)
  await node.listen()
  return node
}

/** An impostor whose link, or stream, is open. */
async function admitted(node: SecuredNode, path = '/peer/v1', name = 'x'): Promise<Impostor> {
  const impostor = await Impostor.enter(node.address, secret, name, node.name, path)
  impostor.hello({ name })
  await until('the impostor to be admitted', () => {
    return node.stats.acceptedLinks + node.streams.length > 0 && node.stats.handshakes === 0
  })
  return impostor
}

describe('a peer that has the secret and breaks the rules', () => {
  it.each<[string, (impostor: Impostor) => void]>([
    [
      'sends text',
      ({ connection }) => void connection.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 65])),
    ],
    [
      'breaks the rules of WebSocket',
      ({ connection }) => void connection.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0])),
    ],
    ['sends a record of no known kind', (impostor) => impostor.say(Buffer.of(99, 0))],
    [
      'announces a record that is too long',
      (impostor) => impostor.say(Buffer.of(1, 255, 255, 255, 255, 15)),
    ],
    ['sends stream data on a link', (impostor) => impostor.record('data', Buffer.of(1))],
    ['ends a stream that is a link', (impostor) => impostor.record('end')],
    ['sends a broken hello', (impostor) => impostor.record('hello', Buffer.of(1, 2, 3))],
    ['becomes another', (impostor) => impostor.hello({ name: 'x', id: 'x/2' })],
    ['takes the name of another', (impostor) => impostor.hello({ name: 'b' })],
    ['sends a broken refusal', (impostor) => impostor.record('objection', Buffer.of(200))],
  ])('loses its link, and nothing else happens: %s', async (_what, misbehave) => {
    const node = await listening()
    const impostor = await admitted(node)
    misbehave(impostor)
    impostor.record('consensus', Buffer.from('afterwards'))
    await impostor.connection.closed()
    await node.untilRefused('garbage')
    expect(node.stats.refused.garbage).toBe(1)
    await until('the link to be gone', () => node.stats.acceptedLinks === 0)
    expect(node.frames).toEqual([])
  })

  it.each<[string, (impostor: Impostor) => void, 'garbage' | 'stranger']>([
    ['sends frames first', (impostor) => impostor.record('consensus', Buffer.of(1)), 'garbage'],
    ['introduces itself as another', (impostor) => impostor.hello({ name: 'b' }), 'stranger'],
    ['has the id of another', (impostor) => impostor.hello({ name: 'x', id: 'b/1' }), 'garbage'],
    ['says no hello', (impostor) => impostor.record('hello', Buffer.of(9)), 'garbage'],
  ])('is not admitted: %s', async (_what, misbehave, reason) => {
    const node = await listening()
    const impostor = await Impostor.enter(node.address, secret, 'x', 'a')
    misbehave(impostor)
    await impostor.connection.closed()
    await node.untilRefused(reason)
    expect(node.heard).toEqual([])
    node.expectUntouched()
  })

  it('is admitted once for all records that come at once', async () => {
    const node = await listening()
    const impostor = await Impostor.enter(node.address, secret, 'x', 'a')
    impostor.hello({ name: 'x' }).record('consensus', Buffer.from('at once')).hello({ name: 'x' })
    await until('the frame', () => node.frames.length === 1 && node.heard.length === 2)
    expect(node.stats).toMatchObject({ acceptedLinks: 1, handshakes: 0, framesIn: 1 })
  })

  it('cannot open more streams than there may be', async () => {
    const node = await listening('a', { limits: { streamsPerPeerMax: 1 } })
    await admitted(node, '/stream/v1')
    await Impostor.enter(node.address, secret, 'x', 'a', '/stream/v1').then((one) =>
      one.hello({ name: 'x' }),
    )
    await until('both streams', () => node.stats.streams === 2)
    const third = await Impostor.enter(node.address, secret, 'x', 'a', '/stream/v1')
    await third.hello({ name: 'x' }).connection.closed()
    await node.untilRefused('crowded')
    expect(node.stats.streams).toBe(2)
  })

  it('cannot open more links than there may be, under ever new names', async () => {
    const node = await listening('a', { limits: { acceptedLinksMax: 1 } })
    await admitted(node)
    const second = await Impostor.enter(node.address, secret, 'y', 'a')
    await second.hello({ name: 'y' }).connection.closed()
    await node.untilRefused('crowded')
    expect(node.stats.acceptedLinks).toBe(1)
  })

  it.each<[string, (impostor: Impostor) => void]>([
    ['sends frames on a stream', (impostor) => impostor.record('request', Buffer.of(1))],
    ['goes on after its end', (impostor) => impostor.record('end').record('data', Buffer.of(1))],
  ])('loses its stream: %s', async (_what, misbehave) => {
    const node = await listening()
    const impostor = await admitted(node, '/stream/v1')
    misbehave(impostor)
    await impostor.connection.closed()
    await node.untilRefused('garbage')
    await until('the stream to end', () => node.streams[0]?.destroyed === true)
    expect(node.streams[0]?.errored).toMatchObject({ code: 'peer-unreachable' })
    expect(node.stats.streams).toBe(0)
  })
})

describe('a peer that calls again', () => {
  it('takes the place of its older link', async () => {
    const node = await listening()
    const first = await admitted(node)
    const second = await admitted(node)
    await first.connection.closed()
    second.record('reply', Buffer.from('it is me'))
    await until('its frame', () => node.frames.length === 1)
    expect(node.stats.acceptedLinks).toBe(1)
    expect(node.refusals).toEqual([])
  })

  it('is called back at once, whenever the next try would be', async () => {
    const patient = { limits: { backoffMinMs: 60_000, backoffMaxMs: 60_000 } }
    const [a, b] = [await listening('a', patient), await listening('b')]
    b.objections.set('a', 'not yet')
    a.transport.setPeers([b.peer])
    await until('the word', () => a.refusals.length > 0)
    b.objections.clear()
    b.transport.setPeers([a.peer])
    await untilConnected(a, b)
  })

  it('is told why it is refused', async () => {
    const [a, b] = [await listening('a'), await listening('b')]
    b.objections.set('a', 'removed from the cluster')
    a.transport.setPeers([b.peer])
    await until('the word', () => a.refusals.length > 0)
    expect(a.refusals[0]).toEqual({
      reason: 'not-admitted',
      message: 'removed from the cluster',
      isOurs: false,
      name: 'b',
      address: b.address,
    })
    expect(a.stats.refusedByPeers['not-admitted']).toBeGreaterThan(0)
    expect(b.refusals[0]).toMatchObject({ reason: 'not-admitted', isOurs: true, name: 'a' })
  })

  it('with another secret is refused by both', async () => {
    const a = await listening('a')
    const b = await listening('b', { secret: Buffer.alloc(32, 'not the secret') })
    a.transport.setPeers([b.peer])
    await b.untilRefused('credentials')
    await until('the other to be told', () => a.stats.refusedByPeers.credentials > 0)
    expect(b.refusals[0]).toMatchObject({ name: 'a', message: 'a has another secret than b' })
    expect(a.refusals[0]).toMatchObject({ name: 'b', isOurs: false })
    for (const { message } of [...a.refusals, ...b.refusals])
      expect(message).not.toMatch(/the secret of/)
    b.expectUntouched()
  })
})

describe('somebody on the way', () => {
  async function linkedThrough(
    change: Changes = {},
  ): Promise<{ a: SecuredNode; b: SecuredNode; meddler: Meddler }> {
    const [a, b] = [await listening('a', change), await listening('b', change)]
    const meddler = await new Meddler().listen(b.address)
    a.transport.setPeers([{ name: 'b', address: meddler.address }])
    await untilConnected(a, b)
    return { a, b, meddler }
  }

  it('learns nothing of what is said, nor the secret', async () => {
    const { a, b, meddler } = await linkedThrough()
    await a.reaches(b, 'the token of an admin')
    const said = Buffer.concat(meddler.said)
    // The handshake is in the clear up to the name of who calls.
    expect(said[0]).toBe(22)
    expect(said.includes('GET /peer/v1')).toBe(false)
    expect(said.includes('token')).toBe(false)
    expect(said.includes(secret.subarray(0, 8))).toBe(false)
  })

  it('cannot change, leave out or repeat anything', async () => {
    const ways: ((data: Buffer) => Buffer)[] = [
      (data) => Buffer.concat([data.subarray(0, -1), Buffer.of((data.at(-1) ?? 0) ^ 1)]),
      (data) => Buffer.concat([data, data]),
    ]
    for (const way of ways) {
      const { a, b, meddler } = await linkedThrough()
      let isDone = false
      meddler.pass = (data, isFromCaller) => {
        if (!isFromCaller || isDone) return data
        isDone = true
        return way(data)
      }
      a.transport.send(b.id, 'consensus', Buffer.from('transfer 100 to the bank'))
      await b.untilRefused('garbage')
      await a.reaches(b, 'a new link')
      const known = ['transfer 100 to the bank', 'a new link']
      expect(b.frames.filter(({ text }) => !known.includes(text))).toEqual([])
      expect(b.frames.filter(({ text }) => text.startsWith('transfer')).length).toBeLessThan(2)
    }
  })

  it('cannot play back what was said before', async () => {
    const { a, b, meddler } = await linkedThrough()
    await a.reaches(b, 'once')
    a.transport.setPeers([])
    await until('the link to end', () => b.stats.acceptedLinks === 0)
    const frames = b.frames.length
    expect(meddler.saidByCaller.length).toBeGreaterThan(2)
    const replay = new RawConnection(b.address).write(...meddler.saidByCaller)
    await replay.closed()
    await b.untilRefused('credentials')
    expect(b.frames.length).toBe(frames)
    expect(b.stats.acceptedLinks).toBe(0)
  })

  it('is noticed when nothing passes any more, and streams end with the link', async () => {
    const { a, b, meddler } = await linkedThrough({ limits: { keepAliveMs: 50 } })
    const stream = await a.transport.openStream(b.id)
    let failure: Error | null = null
    stream.on('error', (error) => {
      failure = error
    })
    await a.reaches(b, 'before')
    meddler.pass = () => null
    await until('the caller to notice', () => !a.transport.isConnected(b.id))
    await until('the called node to notice', () => b.stats.acceptedLinks === 0)
    await until('the stream to end', () => failure !== null && b.streams[0]?.destroyed === true)
    expect(failure).toMatchObject({ code: 'peer-unreachable' })
    meddler.pass = (data) => data
    await a.reaches(b, 'after')
  })

  it('cannot make a node keep more than it wants to for a peer that does not read', async () => {
    const limits = { sendBufferBytesMax: 1_000_000, keepAliveMs: 60_000 }
    const { a, b, meddler } = await linkedThrough({ limits })
    meddler.listenTo(false)
    const data = Buffer.alloc(50_000)
    let sent = 0
    for (let n = 0; n < 1000 && a.transport.send(b.id, 'consensus', data); n++) {
      sent++
      if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(sent).toBeLessThan(1000)
    expect(a.stats).toMatchObject({ framesOut: sent, framesDropped: 1 })
    expect(a.transport.isConnected(b.id)).toBe(true)
    meddler.listenTo(true)
    await until('all that was taken', () => b.frames.length === sent)
    await a.reaches(b, 'room again')
  })
})

describe('a transport', () => {
  it('sends what one turn has to say in as few messages as it fits in', async () => {
    const [a, b] = [await listening('a'), await listening('b')]
    a.transport.setPeers([b.peer])
    await untilConnected(a, b)
    const before = a.stats
    for (let n = 0; n < 500; n++) a.transport.send(b.id, 'consensus', Buffer.alloc(100, n))
    await until('all frames', () => b.frames.length === 500)
    expect(a.stats.framesOut - before.framesOut).toBe(500)
    expect(a.stats.messagesOut - before.messagesOut).toBe(1)
    expect(b.stats.framesIn).toBe(500)
    expect(b.stats.bytesIn).toBe(a.stats.bytesOut)
  })

  it('drops frames that are longer than any may be', async () => {
    const [a, b] = [await listening('a', { limits: { frameBytesMax: 1000 } }), await listening('b')]
    a.transport.setPeers([b.peer])
    await untilConnected(a, b)
    expect(a.transport.send(b.id, 'consensus', Buffer.alloc(1001))).toBe(false)
    expect(a.transport.send(b.id, 'consensus', Buffer.alloc(1000))).toBe(true)
    await until('the other', () => b.frames.length === 1)
    expect(a.stats.framesDropped).toBe(1)
  })

  it('says no hello again that has not changed', async () => {
    const [a, b] = [await listening('a'), await listening('b')]
    a.transport.setPeers([b.peer])
    await untilConnected(a, b)
    a.transport.setHello({ ...a.hello })
    await a.reaches(b, 'later')
    expect(b.heard).toEqual([a.hello])
    expect(encodeHello(a.hello)).toEqual(encodeHello({ ...a.hello }))
    expect(() => a.transport.setHello({ ...a.hello, id: 'a/2' })).toThrow(/name and id/)
  })

  it('leaves nothing open behind', async () => {
    const before = process.getActiveResourcesInfo().toSorted()
    const nodes = [await listening('a'), await listening('b'), await listening('c')]
    for (const node of nodes) node.transport.setPeers(nodes.map(({ peer }) => peer))
    for (const node of nodes) {
      for (const other of nodes) if (node !== other) await untilConnected(node, other)
    }
    const [a, b] = nodes as [SecuredNode, SecuredNode]
    const stream = await a.transport.openStream(b.id)
    stream.on('error', () => {})
    stream.write('unfinished')
    const opening = a.transport.openStream(b.id).catch(() => null)
    await Promise.all(nodes.map(({ transport }) => transport.close()))
    expect(await opening).toBe(null)
    await until('everything to be closed', () => {
      return countOf(process.getActiveResourcesInfo()) <= countOf(before)
    })
    for (const { stats } of nodes) {
      expect(stats).toMatchObject({ links: 0, acceptedLinks: 0, streams: 0, handshakes: 0 })
    }
  })
})

function countOf(resources: readonly string[]): number {
  return resources.filter((name) => /TCP|TLS|Immediate/.test(name)).length
}
