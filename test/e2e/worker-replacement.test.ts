import { Worker } from 'node:worker_threads'
import { expect, it, onTestFinished } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { NameResolution } from '../../src/discovery/name-resolution.ts'
import { reserveProcessVariables } from '../../src/memory/process-variables.ts'
import { RowAllocator } from '../../src/memory/rows.ts'
import { SERVER_STATE, ServerTable } from '../../src/memory/server-table.ts'
import { prepare } from '../../src/supervisor/preparation/preparation.ts'
import { WorkerPool } from '../../src/supervisor/threads/worker-pool.ts'
import { someTicketKeys } from '../fixtures/ticket-keys.ts'
import { httpClient } from './support/http-client.ts'
import { startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { openSocket, readUntil } from './support/raw-client.ts'
import { until } from './support/waiting.ts'

/** What the threads run, as the build makes it. */
const WORKER_ENTRY = new URL('../../dist/worker.js', import.meta.url)

/** A pool of two workers before one server, in this process, so that a thread can be ended. */
async function startPool(port: number, server: { name: string; address: string }) {
  const text = `
global: {nbthread: 2, log: {access: off}}
defaults: {mode: http}
frontends: {web: {bind: "127.0.0.1:${port}", default_backend: app}}
backends: {app: {servers: {${server.name}: "${server.address}"}}}
`
  const { config } = loadConfig(text, {
    env: {},
    cores: 2,
    validateBalance: () => null,
    usesHashType: () => false,
    validateRule: () => null,
    validatePattern: () => null,
    readSni: () => ({ offset: 0, message: 'no sni here', hint: '' }),
    validateHttpError: () => ({ offset: 0, message: 'no http-error here', hint: '' }),
  })
  if (config === null) throw new Error('the config of the test is wrong')
  const rows = new RowAllocator()
  const events: string[] = []
  const write = (event: string): void => void events.push(event)
  const log = { debug: write, info: write, warn: write, error: write, setLevel: () => {} }
  const prepared = await prepare(config, { rows, names: new NameResolution({ log }) }, null)
  const table = ServerTable.create(2)
  const row = rows.take(`server app/${server.name}`)
  table.setState(row, SERVER_STATE.up)
  table.setWeight(row, 1)
  const pool = new WorkerPool(prepared.plan, {
    takeThread: () => new Worker(WORKER_ENTRY),
    table,
    boot: { variables: reserveProcessVariables(), tune: config.global.tune, accessLog: null },
    ticketKeys: someTicketKeys().keys,
    log,
    clock: () => performance.now(),
    onLogLoss: () => write('log-loss'),
    onShortage: () => write('shortage'),
    onFailing: () => write('failing'),
  })
  onTestFinished(async () => {
    await pool.stop()
    for (const socket of prepared.sockets.values()) socket.close()
  })
  await pool.ready()
  return { pool, table, row, frontendRow: rows.take('frontend web'), events }
}

it('replaces a worker that dies; only its sessions are lost, and the table stays exact', async () => {
  const port = await freePort()
  const held: (() => void)[] = []
  const server = await startHttpServer({
    answer: ({ url }, response) => {
      if (url === '/held') held.push(() => response.end('at last'))
      else response.end('ok')
    },
  })
  const { pool, table, row, frontendRow, events } = await startPool(port, server)

  // Both workers accept on the same socket: with so many connections each has some.
  const clients = await Promise.all(Array.from({ length: 64 }, () => openSocket(port)))
  for (const client of clients) client.write('GET /held HTTP/1.1\r\nHost: a\r\n\r\n')
  await until('all requests to be at the server', () => (held.length === 64 ? true : undefined))
  expect(table.sessions(row)).toBe(64)
  expect(table.sessions(frontendRow)).toBe(64)

  // Listens from now on: a connection that was reset before says so to nobody.
  const answers = clients.map((client) => readUntil(client, (text) => text.includes('at last')))

  pool.terminate(0)
  await until('the successor', () => (events.includes('worker-started') ? true : undefined))
  await pool.ready()
  expect(events).toContain('worker-lost')
  const left = table.sessions(row)
  expect(left).toBeLessThan(64)
  expect(table.sessions(frontendRow)).toBe(left)
  expect(table.connections()).toBe(left)

  const request = httpClient(port)
  for (let n = 0; n < 20; n++) expect((await request('/')).status).toBe(200)

  for (const letGo of held) letGo()
  const texts = (await Promise.all(answers)).map(({ text }) => text)
  expect(texts.filter((text) => text.includes('at last'))).toHaveLength(left)
  for (const client of clients) client.destroy()
  await until('no session to be counted', () => (table.sessions(row) === 0 ? true : undefined))
})
