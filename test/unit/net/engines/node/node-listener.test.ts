import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Conn, Listener } from '../../../../../src/net/conn.ts'
import { openFilesLimit, setOpenFilesLimit } from '../../../../../src/net/descriptor.ts'
import { createNodeEngine } from '../../../../../src/net/engines/node/node-engine.ts'
import {
  type ListeningSocket,
  openListeningSocket,
} from '../../../../../src/net/listening-socket.ts'

let socket: ListeningSocket
let listeners: Listener[]
let clients: Socket[]

beforeEach(async () => {
  socket = await openListeningSocket({ kind: 'inet', host: '127.0.0.1', port: 0 }, 16)
  listeners = []
  clients = []
})
afterEach(() => {
  for (const listener of listeners) listener.close()
  for (const client of clients) client.destroy()
  socket.close()
})

/** Sends a word to whoever connects. */
function listen(onAccept: () => void = () => {}): Listener {
  const engine = createNodeEngine({ onAcceptFailure: () => {} })
  const ignore = (): void => {}
  const accept = (conn: Conn): void => {
    conn.handler = {
      onConnect: ignore,
      onData: ignore,
      onDrain: ignore,
      onEnd: () => conn.end(),
      onClose: ignore,
    }
    conn.end()
    onAccept()
  }
  const listener = engine.listen(socket.fd, 'inet', accept)
  listeners.push(listener)
  return listener
}

/** Resolves when a client has been accepted and closed. */
async function isServed(): Promise<void> {
  if (socket.address.kind !== 'inet') throw new Error('not a TCP socket')
  const client = createConnection(socket.address.port, '127.0.0.1')
  clients.push(client)
  client.resume()
  await once(client, 'end')
}

/** While this runs, the process has as many descriptors as it may. */
function withNoneLeft<T>(act: () => T): T {
  const before = openFilesLimit()
  setOpenFilesLimit({ soft: 1, hard: before.hard })
  try {
    return act()
  } finally {
    setOpenFilesLimit(before)
  }
}

it('resumes where no descriptor is left', async () => {
  const listener = listen()
  const resumed = withNoneLeft(() => {
    listener.pause()
    return listener.resume()
  })
  expect(resumed).toBe(true)
  await isServed()
})

it('says that it cannot resume where the second pause found no descriptor, and can later', async () => {
  const listener = listen()
  const resumed = withNoneLeft(() => {
    listener.pause()
    listener.resume()
    listener.pause()
    return listener.resume()
  })
  expect(resumed).toBe(false)
  expect(listener.resume()).toBe(true)
  await isServed()
})

it('begins with a pause where no descriptor is left', async () => {
  const listener = withNoneLeft(() => listen())
  expect(listener.resume()).toBe(true)
  await isServed()
})

it('holds no descriptor once it is closed', async () => {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const numberOf = (server: typeof probe): number =>
    (server as unknown as { _handle: { fd: number } })._handle.fd
  const before = numberOf(probe)
  expect((probe.address() as AddressInfo).port).toBeGreaterThan(0)
  probe.close()
  for (let n = 0; n < 3; n++) {
    const listener = listen()
    listener.pause()
    listener.resume()
    listener.close()
  }
  const again = createServer().listen(0, '127.0.0.1')
  await once(again, 'listening')
  expect(numberOf(again)).toBe(before)
  again.close()
})
