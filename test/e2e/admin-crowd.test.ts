import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { startDaemon } from './support/daemon.ts'
import { freePort } from './support/ports.ts'
import { runSluice } from './support/processes.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { until } from './support/waiting.ts'

/** Far more than the admin address has places for (128). */
const CROWD = 500
/** How often each of those who are not silent sends a byte. */
const BYTE_MS = 100
/** Who is cut comes back after this. */
const RETURN_MS = 1000
const ROUNDS = 5

const HEAD = `GET /api/v1/servers HTTP/1.1\r\nX-Slow: ${'a'.repeat(10_000)}`

/** What the crowd does, so that nobody has to guess whether it was there. */
interface Crowd {
  /** Connections that have opened so far. */
  opened: number
  /** Bytes that were sent so far. */
  sent: number
}

/** Connects again and again to a port: half say nothing, half a request byte by byte. */
function startCrowd(port: number): Crowd {
  const crowd: Crowd = { opened: 0, sent: 0 }
  const open = new Set<Socket>()
  const returning = new Set<NodeJS.Timeout>()
  let isOver = false
  const come = (n: number): void => {
    const socket = connect(port, '127.0.0.1')
    open.add(socket)
    let at = 0
    const trickle = setInterval(() => {
      if (n % 2 === 0 || socket.connecting) return
      socket.write(HEAD.charAt(at++ % HEAD.length), 'latin1')
      crowd.sent++
    }, BYTE_MS)
    socket
      .on('connect', () => crowd.opened++)
      .on('error', () => {})
      .on('close', () => {
        clearInterval(trickle)
        open.delete(socket)
        if (isOver) return
        const timer = setTimeout(() => {
          returning.delete(timer)
          come(n)
        }, RETURN_MS)
        returning.add(timer)
      })
      .resume()
  }
  for (let n = 0; n < CROWD; n++) come(n)
  onTestFinished(() => {
    isOver = true
    for (const socket of open) socket.destroy()
    for (const timer of returning) clearTimeout(timer)
  })
  return crowd
}

it(`${CROWD} connections that say nothing, or little, keep nobody from the admin address`, async () => {
  const token = join(temporaryFolder(), 'token')
  writeFileSync(token, 'a-token', { mode: 0o600 })
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 1, log: { access: 'off' } },
      admin: { 'bind': `127.0.0.1:${await freePort()}`, 'token-file': token },
      frontends: { web: { bind: `127.0.0.1:${await freePort()}`, default_backend: 'app' } },
      backends: { app: { servers: { s1: '127.0.0.1:9' } } },
    },
  })
  const crowd = startCrowd(Number(new URL(daemon.adminUrl).port))
  await until('the crowd', () => (crowd.opened >= CROWD && crowd.sent > 0 ? true : undefined))
  for (let round = 0; round < ROUNDS; round++) {
    const { opened } = crowd
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      const response = await fetch(`${daemon.adminUrl}${path}`)
      expect([path, response.status]).toEqual([path, 200])
      await response.arrayBuffer()
    }
    const where = ['--admin', daemon.adminUrl, '--token-file', token]
    const { code, stdout, stderr } = await runSluice('server', 'list', ...where)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('app/s1')
    await until('more of the crowd', () => (crowd.opened > opened ? true : undefined))
  }
  const events = daemon.log.map(({ event }) => event)
  expect(events).not.toContain('admin-failed')
})
