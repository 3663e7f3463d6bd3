import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { startDaemon } from './support/daemon.ts'
import { freePort } from './support/ports.ts'
import { openSocket, type RawAnswer, readUntil } from './support/raw-client.ts'
import { startTcpServer } from './support/tcp-server.ts'

/** Far more than a server reads before it answers, less than what the kernel takes at once. */
const UPLOAD = Buffer.alloc(512 * 1024, 'u')
const RUNS = 40
const AT_ONCE = 8

async function startProxy(mode: 'http' | 'tcp', server: string): Promise<number> {
  const port = await freePort()
  await startDaemon({
    config: {
      global: { nbthread: 1 },
      defaults: { mode },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: { app: { servers: { a: server } } },
    },
  })
  return port
}

/** A server that answers the first bytes that it gets, and closes on all the others: a reset. */
function answerUnread(answer: string): (socket: Socket) => void {
  return (socket) => {
    socket.once('data', () => {
      socket.pause()
      socket.write(answer, () => socket.destroy())
    })
  }
}

/** What clients get that send everything before they read, over many runs. */
async function upload(port: number, head: string, last: string): Promise<RawAnswer[]> {
  const answers: RawAnswer[] = []
  while (answers.length < RUNS) {
    const some = Array.from({ length: AT_ONCE }, async () => {
      const socket = await openSocket(port)
      socket.write(head)
      socket.write(UPLOAD)
      return readUntil(socket, (text) => text.endsWith(last))
    })
    answers.push(...(await Promise.all(some)))
  }
  return answers
}

describe('what a server says before it closes on an upload', () => {
  it('is delivered in mode http', async () => {
    const server = await startTcpServer(
      answerUnread('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig'),
    )
    const port = await startProxy('http', server.address)
    const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${UPLOAD.length}\r\n\r\n`
    const answers = await upload(port, head, 'big')
    expect(answers.filter(({ text }) => !text.startsWith('HTTP/1.1 413 Too Large\r\n'))).toEqual([])
  })

  it('is delivered in mode tcp', async () => {
    const server = await startTcpServer(answerUnread('last words'))
    const port = await startProxy('tcp', server.address)
    const answers = await upload(port, '', 'last words')
    expect(answers.map(({ text }) => text)).toEqual(answers.map(() => 'last words'))
  })
})

it('delivers what a client has sent before it resets, however slowly it is read', async () => {
  const server = await startTcpServer((socket) => socket.pause())
  const port = await startProxy('tcp', server.address)
  for (let run = 0; run < AT_ONCE; run++) {
    const client = await openSocket(port)
    client.write(UPLOAD)
    // With a write that is complete everything is in the kernel, and goes before the reset.
    client.write('!', () => setTimeout(() => client.resetAndDestroy(), 100))
    await new Promise((resolve) => client.once('close', resolve))
    const socket = server.sockets[run] as Socket
    const { text } = await readUntil(socket)
    expect(text.length).toBe(UPLOAD.length + 1)
    expect(text.endsWith('!')).toBe(true)
  }
})
