import { describe, expect, it } from 'vitest'
import { until } from '../e2e/support/waiting.ts'
import { bytesOf, type EngineUnderTest, Lab, type TestNode } from './consensus-lab.ts'

/** What an engine that offers all three seams promises with three nodes. */
export function describeGroup(subject: EngineUnderTest): void {
  describe('lost nodes', () => describeLosses(subject))
  describe('members', () => describeMembers(subject))
  describe('between nodes', () => describeStreams(subject))
}

async function proposeAll(node: TestNode, texts: readonly string[]): Promise<void> {
  await Promise.all(texts.map((text) => node.agreement.propose(bytesOf(text))))
}

function textsOf(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${prefix} ${n}`)
}

async function membershipOf(node: TestNode, name: string): Promise<string | undefined> {
  const { nodes } = await node.agreement.status()
  return nodes.find((other) => other.name === name)?.membership
}

function describeLosses(subject: EngineUnderTest): void {
  it('a leader that ends leaves another one behind', async () => {
    const lab = await Lab.start(subject)
    const first = await lab.leader()
    await proposeAll(first, textsOf('before', 5))
    const { epoch } = await first.agreement.status()
    await lab.stopNode(first.name)
    const second = await lab.leader()
    expect((await second.agreement.status()).epoch).toBeGreaterThan(epoch)
    await proposeAll(second, textsOf('after', 5))
    expect(await lab.agreement(10)).toHaveLength(10)
  })

  it('a node that comes back has what it missed', async () => {
    const lab = await Lab.start(subject)
    const [lost] = await lab.followers()
    await lab.stopNode(lost?.name ?? '')
    await proposeAll(await lab.leader(), textsOf('meanwhile', 50))
    const back = await lab.startNode(lost?.name ?? '')
    await lab.leader()
    await back.agreement.read()
    expect(back.machine.list).toHaveLength(50)
    await lab.agreement(50)
  })

  it('a node that comes back so late that the log is gone is sent the state', async () => {
    const lab = await Lab.start(subject, 20)
    const [lost] = await lab.followers()
    await lab.stopNode(lost?.name ?? '')
    const leader = await lab.leader()
    for (let n = 0; n < 10; n++) await proposeAll(leader, textsOf(`round ${n}`, 10))
    expect((await leader.agreement.status()).firstIndex).toBeGreaterThan(20)
    const back = await lab.startNode(lost?.name ?? '')
    await lab.agreement(100)
    await back.agreement.propose(bytesOf('more'))
    expect(await lab.agreement(101)).toHaveLength(101)
  })

  it('without a majority nothing is proposed, and that is said at once', async () => {
    const lab = await Lab.start(subject)
    const leader = await lab.leader()
    await leader.agreement.propose(bytesOf('one'))
    await lab.agreement(1)
    for (const { name } of await lab.followers()) await lab.stopNode(name)
    await until('the quorum to be missed', async () =>
      (await leader.agreement.status()).hasQuorum ? undefined : true,
    )
    await expect(leader.agreement.propose(bytesOf('two'))).rejects.toMatchObject({
      code: 'no-quorum',
    })
    await expect(leader.agreement.read()).rejects.toMatchObject({ code: 'no-quorum' })
    expect(await leader.agreement.status()).toMatchObject({ leader: null })
    await until('that to be told', () => leader.statuses.at(-1)?.hasQuorum === false || undefined)
    const [other] = lab.group.names.filter((name) => name !== leader.name)
    await lab.startNode(other ?? '')
    await lab.leader()
    await leader.agreement.propose(bytesOf('three'))
    expect(await lab.agreement(2)).toEqual(['one', 'three'])
  })

  it('all nodes come back with what was agreed on', async () => {
    const lab = await Lab.start(subject, 20)
    await proposeAll(await lab.leader(), textsOf('old', 75))
    const list = [...(await lab.agreement(75))]
    await Promise.all(lab.group.names.map((name) => lab.stopNode(name)))
    await Promise.all(lab.group.names.map((name) => lab.startNode(name)))
    const leader = await lab.leader()
    await leader.agreement.read()
    expect(leader.machine.list).toEqual(list)
    await leader.agreement.propose(bytesOf('new'))
    expect(await lab.agreement(76)).toEqual([...list, 'new'])
  })

  it('a node that lost its data comes back as another one, and becomes a voter again', async () => {
    const lab = await Lab.start(subject)
    const [lost] = await lab.followers()
    const name = lost?.name ?? ''
    const idBefore = (await lost?.agreement.status())?.id
    await proposeAll(await lab.leader(), textsOf('kept', 10))
    await lab.stopNode(name)
    lab.group.wipe(name)
    const back = await lab.startNode(name)
    await until('it to be a voter', async () => {
      const { role, id, nodes } = await back.agreement.status()
      const isVoter = nodes.some((node) => node.id === id && node.membership === 'voter')
      return role === 'follower' && isVoter ? true : undefined
    })
    expect((await back.agreement.status()).id).not.toBe(idBefore)
    const leader = await lab.leader()
    const { nodes } = await leader.agreement.status()
    expect(nodes.map((node) => node.id)).not.toContain(idBefore)
    expect(nodes).toHaveLength(3)
    expect(await lab.agreement(10)).toHaveLength(10)
  })
}

function describeMembers(subject: EngineUnderTest): void {
  it('a node is added, catches up, and takes part', async () => {
    const lab = await Lab.start(subject)
    const [asker] = await lab.followers()
    await proposeAll(await lab.leader(), textsOf('old', 20))
    await asker?.members.add('lb4', lab.group.addressOf('lb4'))
    const leader = await lab.leader()
    expect(await membershipOf(leader, 'lb4')).toBe('invited')
    const added = await lab.startNode('lb4')
    await until('it to be a voter', async () => {
      return (await membershipOf(added, 'lb4')) === 'voter' || undefined
    })
    await lab.leader()
    await added.agreement.propose(bytesOf('mine'))
    expect((await lab.agreement(21)).at(-1)).toBe('mine')
    await added.members.transfer('lb4')
    expect((await lab.leader()).name).toBe('lb4')
  })

  it('a node is removed, is told so, and the others go on', async () => {
    const lab = await Lab.start(subject)
    const [removed, asker] = await lab.followers()
    const name = removed?.name ?? ''
    await asker?.members.remove(name)
    await until('it to be an outsider', async () => {
      return (await removed?.agreement.status())?.role === 'outsider' || undefined
    })
    await expect(removed?.agreement.propose(bytesOf('no'))).rejects.toMatchObject({
      code: 'no-quorum',
    })
    await lab.stopNode(name)
    const leader = await lab.leader()
    expect(await membershipOf(leader, name)).toBeUndefined()
    await leader.agreement.propose(bytesOf('yes'))
    expect(await lab.agreement(1)).toEqual(['yes'])
    // It does not come back by being started again, but by being asked back.
    const back = await lab.startNode(name)
    await until('it to be refused', async () => (await back.agreement.status()).note || undefined)
    expect(await back.agreement.status()).toMatchObject({ role: 'outsider' })
    await leader.members.add(name, lab.group.addressOf(name))
    await until('it to be a voter', async () => {
      const { role } = await back.agreement.status()
      const isVoter = (await membershipOf(leader, name)) === 'voter'
      return (role === 'follower' && isVoter) || undefined
    })
    expect(await lab.agreement(1)).toEqual(['yes'])
  })

  it('a node whose loss would leave no majority is not removed, unless that is forced', async () => {
    const lab = await Lab.start(subject)
    const leader = await lab.leader()
    const [lost, healthy] = (await lab.followers()) as [TestNode, TestNode]
    await lab.stopNode(lost.name)
    for (const { members } of [leader, healthy]) {
      // Of two voters that are left both are needed, whichever of the living goes.
      for (const { name } of [healthy, leader]) {
        await expect(members.remove(name)).rejects.toMatchObject({
          code: 'quorum-at-risk',
          message: expect.stringContaining(`not there: ${lost.name}`),
        })
      }
    }
    await leader.agreement.propose(bytesOf('on'))
    expect((await leader.agreement.status()).nodes).toHaveLength(3)
    // Forced, it is begun, and nobody can complete it before the lost node is back. Whether it holds
    // then is for the next leader to say: the one that began it may have had it alone.
    const { lastIndex } = await leader.agreement.status()
    const forced = leader.members.remove(healthy.name, { isForced: true }).catch(() => {})
    await until('it to be begun', async () =>
      (await leader.agreement.status()).lastIndex > lastIndex ? true : undefined,
    )
    await lab.startNode(lost.name)
    await forced
    await until('the removal to hold', async () => {
      const error = await leader.members.remove(healthy.name).catch((reason: unknown) => reason)
      return (error as { code?: string } | undefined)?.code === 'member-unknown' || undefined
    })
    await lab.stopNode(healthy.name)
    await lab.leader()
    await leader.agreement.propose(bytesOf('after'))
    expect(await lab.agreement(2)).toEqual(['on', 'after'])
  })

  it('a node that is lost is removed without force', async () => {
    const lab = await Lab.start(subject)
    const leader = await lab.leader()
    const [lost] = (await lab.followers()) as [TestNode]
    await lab.stopNode(lost.name)
    await leader.members.remove(lost.name)
    expect((await leader.agreement.status()).nodes).toHaveLength(2)
    await leader.agreement.propose(bytesOf('on'))
  })

  it('a leader may be removed', async () => {
    const lab = await Lab.start(subject)
    const leader = await lab.leader()
    await leader.members.remove(leader.name)
    await lab.stopNode(leader.name)
    const next = await lab.leader()
    await next.agreement.propose(bytesOf('on'))
    expect(await lab.agreement(1)).toEqual(['on'])
    expect((await next.agreement.status()).nodes).toHaveLength(2)
  })

  it('wishes that make no sense are refused, on any node', async () => {
    const lab = await Lab.start(subject)
    const [first, second] = lab.group.names
    for (const { members } of lab.all()) {
      for (const [wish, code] of [
        [members.add(first ?? '', '127.0.0.1:1'), 'member-exists'],
        [members.add('lb9', lab.group.addressOf(second ?? '')), 'member-exists'],
        [members.remove('lb9'), 'member-unknown'],
        [members.transfer('lb9'), 'member-unknown'],
      ] as const) {
        await expect(wish).rejects.toMatchObject({ code })
      }
    }
  })

  it('the last voter stays', async () => {
    const lab = await Lab.start(subject)
    const leader = await lab.leader()
    for (const { name } of await lab.followers()) {
      await leader.members.remove(name)
      await lab.stopNode(name)
    }
    await expect(leader.members.remove(leader.name)).rejects.toMatchObject({
      code: 'member-last',
    })
    await leader.agreement.propose(bytesOf('alone'))
    expect(leader.machine.list).toEqual(['alone'])
  })

  it('leadership goes where it is sent, again and again', async () => {
    const lab = await Lab.start(subject)
    for (const target of [...lab.all(), ...lab.all()]) {
      const [asker] = await lab.followers()
      await asker?.members.transfer(target.name)
      expect((await lab.leader()).name).toBe(target.name)
      await asker?.agreement.propose(bytesOf('on'))
    }
  })
}

function describeStreams(subject: EngineUnderTest): void {
  it('a stream carries bytes both ways, and says from whom it comes', async () => {
    const lab = await Lab.start(subject)
    const leader = await lab.leader()
    for (const follower of await lab.followers()) {
      const stream = await follower.peers.openStream(leader.name)
      const accepted = await until('the stream to arrive', () => leader.streams.pop())
      expect(accepted.from).toBe(follower.name)
      stream.write('question')
      expect(`${(await accepted.stream.iterator().next()).value}`).toBe('question')
      accepted.stream.destroy()
      stream.destroy()
    }
  })

  it('a request that is not answered ends with its time', async () => {
    const lab = await Lab.start(subject)
    const [asker, asked] = lab.all()
    const request = asker?.peers.ask(asked?.name ?? '', 'ignore', bytesOf(''), 50)
    await expect(request).rejects.toMatchObject({ code: 'outcome-unknown' })
  })

  it('a request to a node that goes meanwhile ends with its link, not with its time', async () => {
    const lab = await Lab.start(subject)
    const [asked] = await lab.followers()
    const { peers } = await lab.leader()
    const request = peers.ask(asked?.name ?? '', 'ignore', bytesOf(''), 600_000)
    const told = expect(request).rejects.toMatchObject({ code: 'outcome-unknown' })
    await lab.stopNode(asked?.name ?? '')
    await told
  })

  it('a request to a node that is gone is told so', async () => {
    const lab = await Lab.start(subject)
    const [gone] = await lab.followers()
    await lab.stopNode(gone?.name ?? '')
    const { peers } = await lab.leader()
    await expect(peers.ask(gone?.name ?? '', 'say', bytesOf(''), 5000)).rejects.toMatchObject({
      code: 'peer-unreachable',
    })
  })
}
