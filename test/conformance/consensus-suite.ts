import { describe, expect, it } from 'vitest'
import { until } from '../e2e/support/waiting.ts'
import {
  bytesOf,
  type EngineUnderTest,
  Lab,
  type TestNode,
  textOf,
  UNKNOWN_COMMAND,
} from './consensus-lab.ts'

/** What every engine promises, with however many nodes it runs. */
export function describeEngine(subject: EngineUnderTest): void {
  describe('agreement', () => describeAgreement(subject))
  describe('the end', () => describeEnd(subject))
}

/** What an engine with a peer bus promises beside that. */
export function describePeers(subject: EngineUnderTest): void {
  describe('questions', () => describeQuestions(subject))
}

function describeAgreement(subject: EngineUnderTest): void {
  it('tells each proposer where its command holds, in one order everywhere', async () => {
    const lab = await Lab.start(subject)
    const texts = Array.from({ length: 60 }, (_, n) => `command ${n}`)
    const places = await Promise.all(
      texts.map(async (text, n) => {
        const node = lab.all()[n % lab.nodes.size] as TestNode
        const index = await node.agreement.propose(bytesOf(text))
        // Its own machine has been given it by now.
        return node.machine.places.get(index) ?? -1
      }),
    )
    const list = await lab.agreement(texts.length)
    expect([...list].sort()).toEqual([...texts].sort())
    for (const [n, text] of texts.entries()) expect(list[places[n] ?? -1]).toBe(text)
  })

  it('reads on every node what any node had acknowledged', async () => {
    const lab = await Lab.start(subject)
    for (let round = 0; round < 10; round++) {
      for (const writer of lab.all()) {
        const text = `${round} by ${writer.name}`
        await writer.agreement.propose(bytesOf(text))
        for (const reader of lab.all()) {
          await reader.agreement.read()
          expect(reader.machine.list).toContain(text)
        }
      }
    }
  })

  it('says who leads, of which epoch, and how far it is', async () => {
    const lab = await Lab.start(subject)
    await lab.all()[0]?.agreement.propose(bytesOf('one'))
    await lab.agreement(1)
    const leader = await lab.leader()
    for (const { agreement, name } of lab.all()) {
      const status = await agreement.status()
      expect(status).toMatchObject({ name, leader: leader.name, hasQuorum: true, note: '' })
      expect(status.role).toBe(name === leader.name ? 'leader' : 'follower')
      expect(status.epoch).toBeGreaterThan(0)
      expect(status.id.startsWith(`${name}/`)).toBe(true)
      expect(status.appliedIndex).toBeLessThanOrEqual(status.commitIndex)
      expect(status.commitIndex).toBeLessThanOrEqual(status.lastIndex)
      expect(status.nodes.map((node) => node.name).sort()).toEqual([...lab.group.names].sort())
      const self = status.nodes.find((node) => node.name === name)
      expect(self).toMatchObject({ membership: 'voter', isReachable: true, id: status.id })
    }
  })

  it('tells what changes', async () => {
    const lab = await Lab.start(subject)
    for (const { agreement, statuses } of lab.all()) {
      await until('what it says to have been told', async () => {
        const [said, told] = [await agreement.status(), statuses.at(-1)]
        return told?.leader === said.leader && told?.role === said.role ? true : undefined
      })
      expect(statuses.some(({ hasQuorum }) => hasQuorum)).toBe(true)
    }
  })

  it('takes commands of any size, the empty one too', async () => {
    const lab = await Lab.start(subject)
    const sizes = [0, 1, 65_536, 1_500_000]
    for (const [n, size] of sizes.entries()) {
      const node = lab.all()[n % lab.nodes.size]
      const index = await node?.agreement.propose(bytesOf('x'.repeat(size)))
      expect(node?.machine.places.get(index ?? 0)).toBe(n)
    }
    expect((await lab.agreement(4)).map((text) => text.length)).toEqual(sizes)
  })
}

function describeQuestions(subject: EngineUnderTest): void {
  it('reach every node, this one too', async () => {
    const lab = await Lab.start(subject)
    for (const asker of lab.all()) {
      for (const asked of lab.all()) {
        const answer = await asker.peers.ask(asked.name, 'say', bytesOf('hello'), 10_000)
        expect(textOf(answer)).toBe(`${asked.name} heard say hello from ${asker.name}`)
      }
    }
  })

  it('are refused with the words of the asked node', async () => {
    const lab = await Lab.start(subject)
    const [asker] = lab.all()
    for (const asked of lab.all()) {
      const request = asker?.peers.ask(asked.name, 'refuse', bytesOf(''), 10_000)
      await expect(request).rejects.toMatchObject({
        code: 'peer-refused',
        message: `not for ${asker?.name}`,
      })
    }
  })

  it('are not asked any more once the engine has stopped', async () => {
    const lab = await Lab.start(subject)
    const { engine, name, peers } = await lab.leader()
    await engine.stop()
    await expect(peers.ask(name, 'say', bytesOf(''), 50)).rejects.toMatchObject({
      code: 'engine-stopped',
    })
  })

  it('to nobody are told so', async () => {
    const lab = await Lab.start(subject)
    const { peers } = await lab.leader()
    for (const ask of [peers.ask('lb9', 'say', bytesOf(''), 50), peers.openStream('lb9')]) {
      await expect(ask).rejects.toMatchObject({ code: 'peer-unreachable' })
    }
  })
}

function describeEnd(subject: EngineUnderTest): void {
  it('can come twice, and nothing is taken after it', async () => {
    const lab = await Lab.start(subject)
    const { engine, agreement, machine } = await lab.leader()
    await agreement.propose(bytesOf('one'))
    await Promise.all([engine.stop(), engine.stop()])
    await engine.stop()
    for (const ask of [() => agreement.propose(bytesOf('two')), () => agreement.read()]) {
      await expect(ask()).rejects.toMatchObject({ code: 'engine-stopped' })
    }
    expect(machine.list).toEqual(['one'])
    expect(await agreement.status()).toMatchObject({ role: 'outsider', hasQuorum: false })
  })

  it('comes for a node whose machine cannot go on', async () => {
    const lab = await Lab.start(subject)
    const { agreement, failures, machine } = await lab.leader()
    await agreement.propose(bytesOf('one'))
    await expect(agreement.propose(bytesOf(UNKNOWN_COMMAND))).rejects.toThrow()
    await until('the failure to be told', () => (failures.length > 0 ? true : undefined))
    expect(failures).toMatchObject([{ code: 'state-newer' }])
    await expect(agreement.propose(bytesOf('two'))).rejects.toMatchObject({
      code: 'engine-stopped',
    })
    expect(machine.list).toEqual(['one'])
    expect(await agreement.status()).toMatchObject({
      role: 'outsider',
      note: 'a command of the future',
    })
  })
}
