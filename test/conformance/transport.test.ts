import { describe, expect, it } from 'vitest'
import { DEFAULT_PEER_LIMITS } from '../../src/consensus/peers/peer-limits.ts'
import type { PeerTransportOptions } from '../../src/consensus/peers/transport-options.ts'
import { WebSocketTransport } from '../../src/consensus/peers/web-socket-transport.ts'
import { AcceptPauses } from '../../src/net/accept-pauses.ts'
import { TestAuthority } from './transport-certificates.ts'
import { linkedNodes, type TestNode, type TransportWay, until } from './transport-lab.ts'
import { MemoryNetwork } from './transport-memory.ts'
import { describeTransport } from './transport-suite.ts'

const authority = new TestAuthority('test authority')
const network = new MemoryNetwork()
const secret = Buffer.alloc(32, 's')

function webSockets(
  name: string,
  proofs: (node: string) => Pick<PeerTransportOptions, 'secret' | 'tls'>,
): TransportWay {
  return {
    name: `web sockets, ${name}`,
    create: (hello, bind, events) =>
      new WebSocketTransport(
        {
          bind,
          hello,
          ...proofs(hello.name),
          isOpenAllowed: true,
          limits: DEFAULT_PEER_LIMITS,
          accepts: new AcceptPauses(() => {}),
          random: Math.random,
          onRefused: () => {},
        },
        events,
      ),
  }
}

/** Every transport passes the one suite: a new one adds a row. */
const ways: readonly TransportWay[] = [
  webSockets('open', () => ({ secret: null, tls: null })),
  webSockets('secret', () => ({ secret, tls: null })),
  webSockets('TLS', (node) => ({
    secret: null,
    tls: authority.issue({ commonName: 'node', dnsNames: [node] }),
  })),
  {
    name: 'memory',
    create: (hello, bind, events) => network.create(hello, bind, events),
  },
]

describe.each(ways)('PeerTransport by $name', (way) => describeTransport(way))

describe('the network in memory', () => {
  it('loses the frames that it is told to, and parts the nodes that it is told to', async () => {
    const lossy = new MemoryNetwork()
    const way: TransportWay = {
      name: 'memory',
      create: (hello, bind, events) => lossy.create(hello, bind, events),
    }
    const [a, b, c] = (await linkedNodes(way, 'a', 'b', 'c')) as [TestNode, TestNode, TestNode]
    lossy.loses = (from, to) => from === 'a' && to === 'b'
    expect(a.transport.send(b.id, 'consensus', Buffer.from('lost'))).toBe(true)
    await b.reaches(a, 'not lost')
    lossy.loses = () => false
    lossy.cut('a', 'b')
    expect(a.transport.isConnected(b.id) || b.transport.isConnected(a.id)).toBe(false)
    await a.reaches(c, 'beside the cut')
    lossy.heal()
    await a.reaches(b, 'healed')
    expect(b.frames.map(({ text }) => text)).not.toContain('lost')
    await until('the way back', () => b.transport.isConnected(a.id))
  })
})
