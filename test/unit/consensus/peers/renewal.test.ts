import { describe, expect, it } from 'vitest'
import { TestAuthority } from '../../../conformance/transport-certificates.ts'
import { untilConnected } from '../../../conformance/transport-lab.ts'
import { SecuredNode } from './secured-nodes.ts'

const before = new TestAuthority('before')
const after = new TestAuthority('after')

async function listening(name: string, authority: TestAuthority): Promise<SecuredNode> {
  const tls = authority.issue({ commonName: name })
  const node = new SecuredNode(name, { secret: null, tls })
  await node.listen()
  return node
}

describe('certificates that are renewed while links are open', () => {
  it('are asked for and shown on new links, and cut none', async () => {
    const [a, b] = [await listening('a', before), await listening('b', before)]
    a.transport.setPeers([b.peer])
    b.transport.setPeers([a.peer])
    await untilConnected(a, b)
    await untilConnected(b, a)
    for (const node of [a, b]) {
      const ca = before.pem + after.pem
      node.renewTls({ ...after.issue({ commonName: node.peer.name }), ca })
    }
    // It trusts the new authority alone, as callee and as caller.
    const c = await listening('c', after)
    c.transport.setPeers([a.peer])
    a.transport.setPeers([b.peer, c.peer])
    await untilConnected(c, a)
    await untilConnected(a, c)
    expect([a.opened, b.opened]).toEqual([['b/1', 'c/1'], ['a/1']])
    expect([...a.refusals, ...b.refusals, ...c.refusals]).toEqual([])
  })

  it.each([
    ['in another name', before.issue({ commonName: 'x' })],
    ['without their key', { ...before.issue({ commonName: 'a' }), key: 'none' }],
  ])('are refused when they are %s, and the old ones stay', async (_, tls) => {
    const a = await listening('a', before)
    expect(() => a.renewTls(tls)).toThrow(expect.objectContaining({ code: 'peer-credentials' }))
    const b = await listening('b', before)
    b.transport.setPeers([a.peer])
    await untilConnected(b, a)
  })
})
