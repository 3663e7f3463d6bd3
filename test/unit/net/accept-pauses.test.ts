import { once } from 'node:events'
import { linkSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type NetConnectOpts, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished, vi } from 'vitest'
import { AcceptPauses } from '../../../src/net/accept-pauses.ts'
import {
  closeDescriptor,
  duplicateIfFree,
  lowestFreeDescriptor,
  openFilesLimit,
  setOpenFilesLimit,
} from '../../../src/net/descriptor.ts'

/** Descriptors that a test finds free at first. */
const ROOM = 8

/** Some looks: nothing is to happen meanwhile. */
const LOOKS_MS = 350

/** Uses up what this process may have open. */
class Shortage {
  readonly #taken: number[] = []

  constructor() {
    const limit = openFilesLimit()
    setOpenFilesLimit({ ...limit, soft: lowestFreeDescriptor() + ROOM })
    onTestFinished(() => {
      setOpenFilesLimit(limit)
      this.give(this.#taken.length)
    })
  }

  /** Takes all that is left. */
  take(): void {
    for (let fd = duplicateIfFree(0); fd >= 0; fd = duplicateIfFree(0)) this.#taken.push(fd)
  }

  give(count: number): void {
    for (const fd of this.#taken.splice(0, count)) closeDescriptor(fd)
  }
}

/** A server that answers everything; where it is open. */
async function startServer(way: 'tcp' | 'unix'): Promise<{ server: Server; at: NetConnectOpts }> {
  const server = createServer((_, response) => response.end('here'))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const folder = mkdtempSync(join(tmpdir(), 'sluice-pauses-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const [made, path] = [join(folder, 'made'), join(folder, 's')]
  server.listen(way === 'tcp' ? { port: 0, host: '127.0.0.1' } : { path: made })
  await once(server, 'listening')
  // What libuv has bound it removes when it closes.
  if (way === 'unix') linkSync(made, path)
  const at =
    way === 'tcp' ? { port: (server.address() as AddressInfo).port, host: '127.0.0.1' } : { path }
  return { server, at }
}

async function open(at: NetConnectOpts): Promise<Socket> {
  const socket = connect(at)
  onTestFinished(() => {
    socket.destroy()
  })
  await once(socket, 'connect')
  return socket
}

async function ask(socket: Socket): Promise<string> {
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const [data] = (await once(socket, 'data')) as [Buffer]
  return data.toString()
}

/** Waits until a server listens, or does so no more. */
async function untilListening(server: Server, wanted: boolean): Promise<void> {
  await vi.waitFor(() => expect(server.listening).toBe(wanted), { timeout: 30_000 })
}

it.each(['tcp', 'unix'] as const)('keeps who comes by %s until there is room', async (way) => {
  const { server, at } = await startServer(way)
  const onExhausted = vi.fn()
  const pauses = new AcceptPauses(onExhausted)
  pauses.add(server)
  const known = await open(at)
  await ask(known)
  const shortage = new Shortage()
  shortage.take()
  await untilListening(server, false)
  expect(onExhausted).toHaveBeenCalled()
  expect(await ask(known)).toMatch(/here$/)
  // It has the descriptor that was the server's.
  const late = await open(at)
  const answer = ask(late)
  // One descriptor for the address, and none for who waits there.
  shortage.give(1)
  await sleep(LOOKS_MS)
  expect(server.listening).toBe(false)
  shortage.give(1)
  await once(server, 'connection')
  await nextTurn()
  expect(server.listening).toBe(false)
  expect(await answer).toMatch(/here$/)
  shortage.give(ROOM)
  await untilListening(server, true)
  pauses.remove(server)
})

it.each(['open', 'shut'])('lets go of a server that is %s', async (state) => {
  const { server, at } = await startServer('tcp')
  const pauses = new AcceptPauses(() => {})
  pauses.add(server)
  const known = await open(at)
  await ask(known)
  const shortage = new Shortage()
  if (state === 'shut') {
    shortage.take()
    await untilListening(server, false)
  }
  pauses.remove(server)
  pauses.remove(server)
  const closed = new Promise((resolve) => server.close(resolve))
  known.destroy()
  await closed
  shortage.give(ROOM)
  await sleep(LOOKS_MS)
  await expect(open(at)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})
