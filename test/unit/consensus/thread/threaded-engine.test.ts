import { MessageChannel } from 'node:worker_threads'
import { expect, it, vi } from 'vitest'
import { SluiceError } from '../../../../src/base/errors.ts'
import type { StateMachine } from '../../../../src/consensus/agreement.ts'
import type { EngineEvents } from '../../../../src/consensus/engine.ts'
import { SoloEngine } from '../../../../src/consensus/solo/solo-engine.ts'
import type { HostedEngine } from '../../../../src/consensus/thread/engine-calls.ts'
import { hostEngine } from '../../../../src/consensus/thread/engine-host.ts'
import { HandedBytes } from '../../../../src/consensus/thread/handed-bytes.ts'
import { ThreadedEngine } from '../../../../src/consensus/thread/threaded-engine.ts'

const EVENTS: EngineEvents = {
  onStatus: () => {},
  onFatal: () => {},
  onQuestion: async () => new Uint8Array(),
  onStream: () => {},
}

const patiently = { timeout: 20_000, interval: 5 }

function makeMachine(more: Partial<StateMachine> = {}): StateMachine {
  return { apply: () => {}, snapshot: async () => new Uint8Array(), restore: () => {}, ...more }
}

/** An engine of one node behind a line, without the thread; and what the host's engine is given. */
function openBehindLine(machine: StateMachine, events: EngineEvents = EVENTS) {
  const { port1, port2 } = new MessageChannel()
  const handed = new HandedBytes()
  const hosted: { machine?: StateMachine } = {}
  const givenUp: Error[] = []
  const onEnd = vi.fn()
  hostEngine({
    port: port2,
    handed: handed.memory,
    onEnd,
    open: async (behind, eventsBehind): Promise<HostedEngine> => {
      hosted.machine = behind
      const engine = new SoloEngine('lb1', behind, eventsBehind)
      return Object.assign(engine, { giveUp: (error: Error) => void givenUp.push(error) })
    },
  })
  const opened = ThreadedEngine.open({ port: port1, handed, machine, events })
  return { opened, hosted, givenUp, onEnd, port1 }
}

it('an engine that cannot be opened says why, and its thread ends', async () => {
  const { port1, port2 } = new MessageChannel()
  const handed = new HandedBytes()
  const onEnd = vi.fn()
  const open = () => Promise.reject(new SluiceError('address-in-use', '127.0.0.1:7400 is taken'))
  hostEngine({ port: port2, handed: handed.memory, onEnd, open })
  const opened = ThreadedEngine.open({
    port: port1,
    handed,
    machine: makeMachine(),
    events: EVENTS,
  })
  await expect(opened).rejects.toMatchObject({
    code: 'address-in-use',
    message: '127.0.0.1:7400 is taken',
  })
  await vi.waitFor(() => expect(onEnd).toHaveBeenCalledOnce(), patiently)
})

it('a machine that cannot begin keeps the engine from being opened', async () => {
  const machine = makeMachine({
    restore: () => {
      throw new SluiceError('state-newer', 'a state of the future')
    },
  })
  const { opened, onEnd } = openBehindLine(machine)
  await expect(opened).rejects.toMatchObject({ code: 'state-newer' })
  await vi.waitFor(() => expect(onEnd).toHaveBeenCalledOnce(), patiently)
})

it('a machine that fails takes nothing more, nothing is acknowledged, and the engine gives up', async () => {
  const applied: number[] = []
  const machine = makeMachine({
    apply: (index) => {
      if (index === 2) throw new SluiceError('state-newer', 'a command of the future')
      applied.push(index)
    },
  })
  const { opened, givenUp } = openBehindLine(machine)
  const { agreement, stop } = await opened.then((engine) => ({
    agreement: engine.agreement,
    stop: () => engine.stop(),
  }))
  const command = new Uint8Array([1])
  const outcomes = await Promise.allSettled([1, 2, 3].map(() => agreement.propose(command)))
  expect(outcomes).toMatchObject([
    { status: 'fulfilled', value: 1 },
    { status: 'rejected', reason: { code: 'outcome-unknown' } },
    { status: 'rejected', reason: { code: 'outcome-unknown' } },
  ])
  await expect(agreement.read()).rejects.toMatchObject({ code: 'engine-stopped' })
  expect(applied).toEqual([1])
  await vi.waitFor(() => expect(givenUp).toMatchObject([{ code: 'state-newer' }]), patiently)
  await stop()
})

it('a command is handed over before its proposer is told, also where that thread stood still', async () => {
  const seen: string[] = []
  const { opened } = openBehindLine(makeMachine({ apply: (index) => void seen.push(`${index}`) }))
  const engine = await opened
  const told = [1, 2, 3].map(async (n) => {
    const index = await engine.agreement.propose(new Uint8Array([n]))
    seen.push(`told ${index}`)
  })
  await Promise.all(told)
  for (const n of [1, 2, 3]) expect(seen.indexOf(`${n}`)).toBeLessThan(seen.indexOf(`told ${n}`))
  await engine.stop()
})

it('what the other thread does not take is bounded', async () => {
  const { opened, hosted } = openBehindLine(makeMachine())
  const engine = await opened
  const large = new Uint8Array(64 * 1024 * 1024)
  const hand = () => hosted.machine?.apply(1, large)
  for (let n = 0; n < 4; n++) hand()
  // Nothing of it was taken: this thread has not come to its next turn.
  expect(hand).toThrow(/stands still/)
  await engine.agreement.read()
  expect(hand).not.toThrow()
  await engine.stop()
})

it('an end of the thread ends the engine', async () => {
  const { opened, port1 } = openBehindLine(makeMachine())
  const engine = await opened
  port1.close()
  await vi.waitFor(async () => {
    await expect(engine.agreement.read()).rejects.toMatchObject({ code: 'engine-stopped' })
  }, patiently)
  await engine.stop()
})
