import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { startDaemon } from './support/daemon.ts'
import { httpClient } from './support/http-client.ts'
import { startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { until } from './support/waiting.ts'

const SERVERS = 10
const KILLED = 3
const CLIENTS = 16

it('three servers of ten that are killed under load cost no idempotent request', async () => {
  const names = Array.from({ length: SERVERS }, (_, n) => `s${n + 1}`)
  const servers = await Promise.all(
    names.map((name) => startHttpServer({ name, body: name, delayMs: 3 })),
  )
  const port = await freePort()
  await startDaemon({
    config: {
      global: { nbthread: 2, log: { access: 'off' } },
      defaults: {
        'mode': 'http',
        'retry-on': 'all-retryable-errors',
        'option': { redispatch: true },
        'default-server': { check: true, inter: '500ms' },
      },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends: {
        app: {
          servers: Object.fromEntries(servers.map((server) => [server.name, server.address])),
        },
      },
    },
  })
  const get = httpClient(port, CLIENTS)
  const answers: string[] = []
  let isOver = false
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (!isOver) {
      const { status, body } = await get('/')
      answers.push(status === 200 ? body.toString() : `status ${status}`)
    }
  })
  const atLeast = (count: number) =>
    until(`${count} answers`, () => (answers.length >= count ? true : undefined))
  await atLeast(300)
  // Each at another moment: their connections are cut with requests on them.
  for (const server of servers.slice(0, KILLED)) {
    await server.stop()
    await sleep(50)
  }
  const killedAt = answers.length
  await atLeast(killedAt + 1500)
  isOver = true
  await Promise.all(clients)
  const living = names.slice(KILLED)
  expect(answers.filter((answer) => !names.includes(answer))).toEqual([])
  expect(new Set(answers.slice(0, killedAt))).toEqual(new Set(names))
  expect(new Set(answers.slice(killedAt + CLIENTS))).toEqual(new Set(living))
})
