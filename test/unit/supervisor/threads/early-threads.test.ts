import { once } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { expect, it, onTestFinished, vi } from 'vitest'
import { EarlyThreads } from '../../../../src/supervisor/threads/early-threads.ts'

/** What a thread runs that gives back what it is told, or ends at once; and how many have loaded it. */
function moduleThat(ends: boolean): { readonly entry: URL; readonly loaded: () => number } {
  let count = 0
  const channel = new BroadcastChannel(`early-threads-${Math.random()}`)
  channel.onmessage = () => {
    count++
  }
  onTestFinished(() => channel.close())
  const source = `
import { parentPort } from 'node:worker_threads'
const channel = new BroadcastChannel('${channel.name}')
channel.postMessage('loaded')
channel.close()
if (${ends}) throw new Error('it ends')
parentPort.on('message', (message) => parentPort.postMessage(message))
`
  const entry = new URL(`data:text/javascript,${encodeURIComponent(source)}`)
  return { entry, loaded: () => count }
}

const patiently = { timeout: 30_000, interval: 10 }

async function answerOf(thread: Worker): Promise<unknown> {
  onTestFinished(async () => void (await thread.terminate()))
  thread.postMessage('boot')
  const [answer] = (await once(thread, 'message')) as [unknown]
  return answer
}

it('threads load before they are taken, and no more than are asked for', async () => {
  const { entry, loaded } = moduleThat(false)
  const threads = new EarlyThreads(entry)
  threads.start(1)
  threads.start(2)
  await vi.waitFor(() => expect(loaded()).toBe(2), patiently)
  const first = threads.take()
  const second = threads.take()
  expect(first).not.toBe(second)
  expect(await answerOf(first)).toBe('boot')
  expect(await answerOf(second)).toBe('boot')
  expect(loaded()).toBe(2)
})

it('whoever needs one more is given a new one', async () => {
  const { entry, loaded } = moduleThat(false)
  expect(await answerOf(new EarlyThreads(entry).take())).toBe('boot')
  expect(loaded()).toBe(1)
})

it('one that has ended is not given, and another tells whoever takes it why', async () => {
  const { entry, loaded } = moduleThat(true)
  const threads = new EarlyThreads(entry)
  threads.start(1)
  await vi.waitFor(() => expect(loaded()).toBe(1), patiently)
  // Its end is heard of after what it has said.
  await vi.waitFor(async () => {
    const [error] = (await once(threads.take(), 'error')) as [Error]
    expect(error.message).toBe('it ends')
    expect(loaded()).toBeGreaterThan(1)
  }, patiently)
})
