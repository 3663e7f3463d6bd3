import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { runProgram } from './support/processes.ts'
import { startProxy } from './support/proxy.ts'
import { openSocket, readUntil } from './support/raw-client.ts'
import { requires } from './support/requirements.ts'
import { startTcpServer } from './support/tcp-server.ts'

/** Much longer than an answer lives whose upload is not read any more. */
const UPLOAD_MS = 8000
const PIECES = 40
const PIECE = 'u'.repeat(20_000)

/** A proxy before a server that refuses what it has seen the head of, and reads no more. */
async function startRefusing(): Promise<number> {
  const server = await startTcpServer((socket) => {
    socket.once('data', () => {
      socket.pause()
      const head = 'HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\n'
      socket.write(`${head}big`, () => socket.destroy())
    })
  })
  return (await startProxy(server.address)).port
}

/** Sends the pieces of an upload, one after the other. */
async function drip(write: (piece: string) => void): Promise<void> {
  for (let n = 0; n < PIECES; n++) {
    write(PIECE)
    await sleep(UPLOAD_MS / PIECES)
  }
}

describe('an answer that is given while a slow upload is still coming', () => {
  it('reaches a client that reads only when it has sent everything', async () => {
    const socket = await openSocket(await startRefusing(), true)
    let failed = false
    socket.on('error', () => (failed = true))
    socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${PIECES * PIECE.length}\r\n\r\n`)
    await drip((piece) => void socket.write(piece))
    const { text, ending } = await readUntil(socket)
    expect(text).toMatch(/^HTTP\/1\.1 413 .*\r\nConnection: close\r\n\r\nbig$/s)
    expect([ending, failed]).toEqual(['ended', false])
  })

  it("reaches Node's client", async () => {
    const port = await startRefusing()
    const upload = request({ port, host: '127.0.0.1', method: 'POST', path: '/' })
    const answered = new Promise<number | undefined>((resolve, reject) => {
      upload.on('response', (response) => resolve(response.resume().statusCode))
      upload.on('error', reject)
    })
    const sent = drip((piece) => void (upload.destroyed || upload.write(piece)))
    expect(await answered).toBe(413)
    await sent
    upload.destroy()
  })

  describe('by curl', () => {
    beforeEach(requires('curl'))

    it('reaches it', async () => {
      const port = await startRefusing()
      const rate = `${(PIECES * PIECE.length * 1000) / UPLOAD_MS}`
      const { stdout } = await runProgram('curl', [
        ...['-sS', '-o', '-', '-w', ' %{http_code}', '--limit-rate', rate],
        ...['-H', 'Expect:', '--data-binary', PIECE.repeat(5), `http://127.0.0.1:${port}/`],
      ])
      expect(stdout).toBe('big 413')
    })
  })
})
