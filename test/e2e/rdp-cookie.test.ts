import { connect, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { startDaemon } from './support/daemon.ts'
import { freePort } from './support/ports.ts'
import { startTcpServer } from './support/tcp-server.ts'
import { until } from './support/waiting.ts'

/** The first message of a client of RDP. */
function request(user: string): Buffer {
  const cookie = Buffer.from(`Cookie: mstshash=${user}\r\n`)
  const length = 11 + cookie.length
  return Buffer.concat([Buffer.from([3, 0, 0, length, length - 5, 0xe0, 0, 0, 0, 0, 0]), cookie])
}

it('balance rdp-cookie sends a user to the same server, however slowly the name comes', async () => {
  const servers = await Promise.all(
    ['s1', 's2', 's3'].map((name) =>
      startTcpServer((socket) => {
        let heard = ''
        socket.on('data', (data) => {
          heard += data.toString('latin1')
          if (heard.endsWith('\r\n')) socket.write(`${name} ${heard.length}`)
        })
      }),
    ),
  )
  const port = await freePort()
  const names = Object.fromEntries(servers.map(({ address }, n) => [`s${n + 1}`, address]))
  await startDaemon({
    config: {
      global: { nbthread: 2 },
      frontends: { rdp: { bind: `127.0.0.1:${port}`, default_backend: 'farm' } },
      backends: { farm: { balance: 'rdp-cookie', servers: names } },
    },
  })
  const dial = (): Socket => {
    const socket = connect(port, '127.0.0.1').setNoDelay(true)
    onTestFinished(() => void socket.destroy())
    return socket
  }
  /** Which server a user gets, and how many bytes it has heard. */
  const answerTo = async (user: string, isSlow = false): Promise<string> => {
    const socket = dial()
    let answer = ''
    socket.on('data', (data) => {
      answer += data.toString()
    })
    const bytes = request(user)
    if (isSlow)
      for (const byte of bytes) await new Promise((next) => socket.write(Buffer.from([byte]), next))
    else socket.write(bytes)
    return until('an answer', () => (answer === '' ? undefined : answer))
  }
  const users = Array.from({ length: 12 }, (_, n) => `user-${n}`)
  const first = new Map<string, string>()
  for (const user of users) first.set(user, await answerTo(user))
  for (const user of users) expect(await answerTo(user, true)).toBe(first.get(user))
  expect(new Set([...first.values()].map((answer) => answer.slice(0, 2))).size).toBe(3)
  for (const [user, answer] of first) expect(answer).toContain(` ${request(user).length}`)
})
