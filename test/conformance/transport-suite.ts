import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { expect, it, onTestFinished } from 'vitest'
import { SluiceError } from '../../src/base/errors.ts'
import { linkedNodes, TestNode, type TransportWay, until, untilConnected } from './transport-lab.ts'

const MIB = 2 ** 20
const unreachable = expect.objectContaining({ code: 'peer-unreachable' })

/** What every transport of `PeerTransport` does. Defines tests; call within `describe`. */
export function describeTransport(way: TransportWay): void {
  describeLinks(way)
  describeFrames(way)
  describeAdmission(way)
  describeStreams(way)
}

function describeLinks(way: TransportWay): void {
  it('opens links in both directions and says so once', async () => {
    const [a, b, c] = (await linkedNodes(way, 'a', 'b', 'c')) as [TestNode, TestNode, TestNode]
    expect(a.opened.toSorted()).toEqual([b.id, c.id])
    expect(b.opened.toSorted()).toEqual([a.id, c.id])
    expect(a.heard).toContainEqual(b.hello)
    expect(b.heard).toContainEqual(a.hello)
    expect(a.transport.isConnected(a.id)).toBe(false)
  })

  it('sends one way where only one side calls', async () => {
    const [a, b] = await Promise.all([
      new TestNode(way, 'a').listen(),
      new TestNode(way, 'b').listen(),
    ])
    a.transport.setPeers([b.peer])
    await untilConnected(a, b)
    await a.reaches(b, 'hear me')
    expect(b.transport.isConnected(a.id)).toBe(false)
    expect(b.transport.send(a.id, 'consensus', Buffer.from('no'))).toBe(false)
    expect(b.heard).toEqual([a.hello])
  })

  it('reaches a peer that starts later, and one that comes back as another', async () => {
    const a = await new TestNode(way, 'a').listen()
    const first = await new TestNode(way, 'b').listen()
    const { address } = first
    await first.transport.close()
    a.transport.setPeers([{ name: 'b', address }])
    const second = await new TestNode(way, 'b', address, 2).listen()
    await untilConnected(a, second)
    await second.transport.close()
    await until('the link to end', () => !a.transport.isConnected(second.id))
    const third = await new TestNode(way, 'b', address, 3).listen()
    await untilConnected(a, third)
    expect(a.transport.isConnected(second.id)).toBe(false)
    expect(a.transport.send(second.id, 'consensus', Buffer.from('late'))).toBe(false)
    await a.reaches(third, 'welcome back')
    expect(a.opened).toEqual([second.id, third.id])
    expect(a.closed).toEqual([second.id])
  })

  it('closes links to those that are peers no more, and opens them again', async () => {
    const [a, b, c] = (await linkedNodes(way, 'a', 'b', 'c')) as [TestNode, TestNode, TestNode]
    a.transport.setPeers([c.peer])
    expect(a.transport.isConnected(b.id)).toBe(false)
    expect(a.transport.isConnected(c.id)).toBe(true)
    expect(b.transport.isConnected(a.id)).toBe(true)
    await b.reaches(a, 'still here')
    a.transport.setPeers([b.peer, c.peer])
    await untilConnected(a, b)
    expect(a.opened.filter((id) => id === c.id)).toHaveLength(1)
  })

  it('follows a peer to another address', async () => {
    const a = await new TestNode(way, 'a').listen()
    const [here, there] = [
      await new TestNode(way, 'b').listen(),
      await new TestNode(way, 'b').listen(),
    ]
    a.transport.setPeers([here.peer])
    await a.reaches(here, 'here')
    a.transport.setPeers([there.peer])
    await a.reaches(there, 'there')
  })

  it('does not call an address that is none', async () => {
    const [a, b] = [await new TestNode(way, 'a').listen(), await new TestNode(way, 'b').listen()]
    a.transport.setPeers([{ name: 'x', address: 'no address' }, b.peer])
    await untilConnected(a, b)
    expect(a.opened).toEqual([b.id])
  })

  it('refuses an address that is taken', async () => {
    const a = await new TestNode(way, 'a').listen()
    await expect(new TestNode(way, 'b', a.address).transport.listen()).rejects.toThrow(
      expect.objectContaining({ code: 'address-in-use' }),
    )
  })

  it('closes for good, once', async () => {
    const [a, b] = (await linkedNodes(way, 'a', 'b')) as [TestNode, TestNode]
    await a.transport.close()
    await a.transport.close()
    expect(a.transport.isConnected(b.id)).toBe(false)
    expect(a.transport.send(b.id, 'consensus', Buffer.from('gone'))).toBe(false)
    a.transport.setPeers([b.peer])
    expect(a.transport.isConnected(b.id)).toBe(false)
    await expect(a.transport.openStream(b.id)).rejects.toThrow(unreachable)
    await until('the other side to notice', () => !b.transport.isConnected(a.id))
  })
}

function describeFrames(way: TransportWay): void {
  it('delivers frames of every size, on every channel, in order', async () => {
    const [a, b] = (await linkedNodes(way, 'a', 'b')) as [TestNode, TestNode]
    const sizes = [0, 1, 127, 128, 65_518, 65_519, 65_536, 65_537, 200_000, MIB, 3, 0]
    const channels = ['consensus', 'request', 'reply'] as const
    const sent = sizes.flatMap((size, n) =>
      channels.map((channel) => ({
        from: a.id,
        channel,
        text: Buffer.alloc(size, `${n}${channel}`).toString('latin1'),
      })),
    )
    for (const { channel, text: content } of sent) {
      expect(a.transport.send(b.id, channel, Buffer.from(content, 'latin1'))).toBe(true)
    }
    await until('all frames', () => b.frames.length >= sent.length)
    expect(b.frames.map(digestOf)).toEqual(sent.map(digestOf))
    expect(a.frames).toEqual([])
  })

  it('keeps the order over many turns', async () => {
    const [a, b] = (await linkedNodes(way, 'a', 'b')) as [TestNode, TestNode]
    const count = 2000
    for (let n = 0; n < count; n++) {
      expect(a.transport.send(b.id, 'consensus', Buffer.from(`${n}`))).toBe(true)
      expect(b.transport.send(a.id, 'consensus', Buffer.from(`${n}`))).toBe(true)
      if (n % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await until('all frames', () => b.frames.length + a.frames.length >= 2 * count)
    const expected = Array.from({ length: count }, (_, n) => `${n}`)
    expect(b.frames.map((frame) => frame.text)).toEqual(expected)
    expect(a.frames.map((frame) => frame.text)).toEqual(expected)
  })

  it('drops what is for nobody that it knows', async () => {
    const [a] = (await linkedNodes(way, 'a', 'b')) as [TestNode, TestNode]
    expect(a.transport.send('b/2', 'consensus', Buffer.from('?'))).toBe(false)
    expect(a.transport.send('c/1', 'consensus', Buffer.from('?'))).toBe(false)
    expect(a.transport.send(a.id, 'consensus', Buffer.from('me'))).toBe(false)
  })

  it('ends the link of a peer that speaks garbage, and hears it again on the next', async () => {
    const [a, b] = (await linkedNodes(way, 'a', 'b')) as [TestNode, TestNode]
    b.onFrame = (data) => {
      if (data[0] === 0) throw new SluiceError('encoding-invalid', 'a zero')
    }
    a.transport.send(b.id, 'consensus', Buffer.from([0]))
    a.transport.send(b.id, 'consensus', Buffer.from('after garbage'))
    await until('the link to be opened again', () => a.opened.length === 2)
    await a.reaches(b, 'sense')
    expect(b.frames.map((frame) => frame.text)).not.toContain('after garbage')
  })
}

function describeAdmission(way: TransportWay): void {
  it.each(['the called', 'the calling'])('opens no link where %s node objects', async (who) => {
    const [a, b] = await Promise.all([
      new TestNode(way, 'a').listen(),
      new TestNode(way, 'b').listen(),
    ])
    const [objecting, other] = who === 'the called' ? [b, a] : [a, b]
    objecting.objections.set(other.name, 'not now')
    a.transport.setPeers([b.peer])
    await until('several tries', () => objecting.heard.length >= 3)
    expect(a.transport.isConnected(b.id)).toBe(false)
    expect(a.opened).toEqual([])
    objecting.objections.clear()
    await untilConnected(a, b)
  })

  it('tells peers what a node says of itself from now on', async () => {
    const [a, b, c] = (await linkedNodes(way, 'a', 'b', 'c')) as [TestNode, TestNode, TestNode]
    const hello = { ...a.hello, clusterId: 'k', memberIds: [a.id, b.id, c.id] }
    a.transport.setHello(hello)
    for (const other of [b, c]) {
      await until('the news', () => other.heard.at(-1)?.clusterId === 'k')
      expect(other.heard).toContainEqual(hello)
    }
    expect(a.transport.isConnected(b.id)).toBe(true)
    const late = await new TestNode(way, 'd').listen()
    late.transport.setPeers([a.peer])
    await untilConnected(late, a)
    expect(late.heard).toEqual([hello])
  })

  it('asks anew about all peers when a node says something else of itself', async () => {
    const [a, b, c] = (await linkedNodes(way, 'a', 'b', 'c')) as [TestNode, TestNode, TestNode]
    a.objections.set('c', 'removed')
    a.transport.setHello({ ...a.hello, clusterId: 'k', memberIds: [a.id, b.id] })
    await until('both links to end', () => {
      return !a.transport.isConnected(c.id) && !c.transport.isConnected(a.id)
    })
    expect(a.transport.isConnected(b.id)).toBe(true)
    expect(b.transport.isConnected(c.id)).toBe(true)
  })

  it('ends the link of a peer whose news it objects to', async () => {
    const [a, b] = (await linkedNodes(way, 'a', 'b')) as [TestNode, TestNode]
    b.objections.set('a', 'of another cluster')
    a.transport.setHello({ ...a.hello, clusterId: 'k' })
    await until('both links to end', () => {
      return !a.transport.isConnected(b.id) && !b.transport.isConnected(a.id)
    })
  })
}

function describeStreams(way: TransportWay): void {
  async function openStream(a: TestNode, b: TestNode): Promise<[Duplex, Duplex]> {
    const here = await a.transport.openStream(b.id)
    here.on('error', () => {})
    await until('the stream', () => b.streams.length === 1)
    const there = b.streams[0] as Duplex
    onTestFinished(() => {
      here.destroy()
      there.destroy()
    })
    return [here, there]
  }

  it('carries bytes both ways, and each side ends on its own', async () => {
    const [a, b] = (await linkedNodes(way, 'a', 'b')) as [TestNode, TestNode]
    const [here, there] = await openStream(a, b)
    const isClosed = Promise.all([once(here, 'close'), once(there, 'close')])
    here.end('question')
    expect(await readOf(there)).toBe('question')
    there.write('an')
    there.end('swer')
    expect(await readOf(here)).toBe('answer')
    await isClosed
    expect(here.errored ?? there.errored).toBe(null)
  })

  it('waits for a reader that is slow, and loses nothing', async () => {
    const [a, b] = (await linkedNodes(way, 'a', 'b')) as [TestNode, TestNode]
    const [here, there] = await openStream(a, b)
    const chunks = Array.from({ length: 30 }, (_, n) => Buffer.alloc(MIB + n, n))
    let written = 0
    for (const chunk of chunks) here.write(chunk, () => written++)
    here.end(Buffer.alloc(10 * MIB, 99))
    await a.reaches(b, 'links are not held up')
    expect(written).toBeLessThan(chunks.length)
    const hash = createHash('sha256')
    for await (const chunk of there) {
      hash.update(chunk as Buffer)
      if ((chunk as Buffer).length % 5 === 0) await new Promise((done) => setImmediate(done))
    }
    const expected = createHash('sha256')
    for (const chunk of [...chunks, Buffer.alloc(10 * MIB, 99)]) expected.update(chunk)
    expect(hash.digest('hex')).toBe(expected.digest('hex'))
  })

  it.each(['calling', 'called'])('fails at one end where the %s one is destroyed', async (who) => {
    const [a, b] = (await linkedNodes(way, 'a', 'b')) as [TestNode, TestNode]
    const [here, there] = await openStream(a, b)
    const [cut, left] = who === 'calling' ? [here, there] : [there, here]
    const failure = once(left, 'error')
    cut.write('half of')
    cut.destroy()
    left.resume()
    expect((await failure)[0]).toEqual(unreachable)
    await until('the end', () => left.destroyed)
  })

  it('carries HTTP', async () => {
    const [a, b] = (await linkedNodes(way, 'a', 'b')) as [TestNode, TestNode]
    const server = createServer((asked, response) => {
      void buffer(asked).then(({ length }) => {
        response.end(`${asked.method} ${asked.url} ${length}`)
      })
    })
    b.onOpened = (stream) => void server.emit('connection', stream)
    const stream = await a.transport.openStream(b.id)
    const asking = request({
      method: 'PUT',
      path: '/api',
      createConnection: () => stream as Socket,
      headers: { host: 'b' },
    })
    asking.end(Buffer.alloc(300_000))
    const [response] = await once(asking, 'response')
    expect(await text(response)).toBe('PUT /api 300000')
  })

  it('opens none to a node that is not there, or objects', async () => {
    const [a, b] = (await linkedNodes(way, 'a', 'b')) as [TestNode, TestNode]
    await expect(a.transport.openStream('b/2')).rejects.toThrow(unreachable)
    await expect(a.transport.openStream('c/1')).rejects.toThrow(unreachable)
    b.objections.set('a', 'not any more')
    await expect(a.transport.openStream(b.id)).rejects.toThrow(unreachable)
    expect(b.streams).toEqual([])
  })

  it('ends streams when it closes', async () => {
    const [a, b] = (await linkedNodes(way, 'a', 'b')) as [TestNode, TestNode]
    const [here, there] = await openStream(a, b)
    const failure = once(there, 'error')
    await a.transport.close()
    expect(here.destroyed).toBe(true)
    expect((await failure)[0]).toEqual(unreachable)
  })
}

/** All that a stream has to read. Iterating would destroy it, and with it the other direction. */
async function readOf(stream: Duplex): Promise<string> {
  let read = ''
  stream.on('data', (chunk) => {
    read += chunk
  })
  await once(stream, 'end')
  return read
}

function digestOf({ text: content, ...rest }: { text: string }): object {
  const digest = createHash('sha256').update(content, 'latin1').digest('hex')
  return { ...rest, length: content.length, digest }
}
