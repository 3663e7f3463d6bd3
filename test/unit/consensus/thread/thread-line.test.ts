import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { expect, it, onTestFinished, vi } from 'vitest'
import { SluiceError } from '../../../../src/base/errors.ts'
import { ThreadLine } from '../../../../src/consensus/thread/thread-line.ts'

/** What the far side can be asked in these tests. */
interface FarCalls {
  echo(value: unknown): Promise<unknown>
  note(value: unknown): void
  fail(code: 'no-quorum' | null): Promise<void>
  wait(): Promise<void>
}

const patiently = { timeout: 20_000, interval: 5 }

/** A line whose far side writes down what it hears, in order. */
function makeLine() {
  const { port1, port2 } = new MessageChannel()
  onTestFinished(() => port1.close())
  const heard: unknown[] = []
  let messages = 0
  port2.on('message', () => messages++)
  const far = new ThreadLine<object>(port2, {
    echo: async (value: unknown) => {
      heard.push(value)
      return value
    },
    note: (value: unknown) => void heard.push(value),
    fail: async (code: 'no-quorum' | null) => {
      throw code === null ? new TypeError('a fault') : new SluiceError(code, 'no leader')
    },
    wait: () => new Promise(() => {}),
  })
  const near = new ThreadLine<FarCalls>(port1, {})
  return { near, far, heard, messages: () => messages }
}

it('what is said arrives in its order, and that of one turn as one message', async () => {
  const { near, heard, messages } = makeLine()
  near.tell('note', 1)
  const answer = near.ask('echo', 2)
  near.tell('note', 3)
  // What promises of the same turn lead to is of that turn.
  await Promise.resolve()
  near.tell('note', 4)
  expect(await answer).toBe(2)
  expect(heard).toEqual([1, 2, 3, 4])
  expect(messages()).toBe(1)
})

it('bytes are copied without the memory that they are a view of', async () => {
  const { near } = makeLine()
  const all = new Uint8Array(1_000_000).fill(7)
  const answer = (await near.ask('echo', all.subarray(10, 14))) as Uint8Array
  expect(answer).toEqual(new Uint8Array(4).fill(7))
  expect(answer.buffer.byteLength).toBe(4)
  expect(all.byteLength).toBe(1_000_000)
})

it('errors keep code, hint and words; a fault keeps its stack too', async () => {
  const { near } = makeLine()
  await expect(near.ask('fail', 'no-quorum')).rejects.toMatchObject({
    name: 'SluiceError',
    code: 'no-quorum',
    message: 'no leader',
    retryable: true,
  })
  const fault = await near.ask('fail', null).catch((error: unknown) => error as Error)
  expect(fault).toMatchObject({ code: 'invariant-broken', message: 'a fault' })
  expect((fault as Error).stack).toContain('TypeError: a fault')
})

it.each(['near', 'far'] as const)(
  'who waits is told that the %s side has ended it',
  async (side) => {
    const lines = makeLine()
    const waiting = lines.near.ask('wait')
    lines[side].close()
    await expect(waiting).rejects.toMatchObject({ code: 'engine-stopped' })
    await expect(lines.near.ask('echo', 1)).rejects.toMatchObject({ code: 'engine-stopped' })
    expect(lines.near.isClosed).toBe(true)
  },
)

it('what was said before the end is heard', async () => {
  const { near, heard } = makeLine()
  near.tell('note', 'last words')
  near.close()
  near.tell('note', 'too late')
  await vi.waitFor(() => expect(heard).toEqual(['last words']), patiently)
})

it('no more than a bound of questions wait', async () => {
  const { near } = makeLine()
  const waiting = Array.from({ length: 16_384 }, () => near.ask('wait').catch(() => 'ended'))
  await expect(near.ask('echo', 1)).rejects.toMatchObject({ code: 'overloaded' })
  near.close()
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['ended']))
})

it('a port is handed over', async () => {
  const { port1, port2 } = new MessageChannel()
  const { near } = makeLine()
  const back = (await near.ask('echo', port2).catch(() => null)) as MessagePort | null
  expect(back).not.toBeNull()
  port1.postMessage('hello')
  const heard = await new Promise((resolve) => back?.once('message', resolve))
  expect(heard).toBe('hello')
  port1.close()
})
