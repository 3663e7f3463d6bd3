import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, expect, it } from 'vitest'
import { httpClient } from './support/http-client.ts'
import { startHttpServer } from './support/http-server.ts'
import { scrape } from './support/metrics.ts'
import { startProcess } from './support/processes.ts'
import { startProxy } from './support/proxy.ts'
import { requires } from './support/requirements.ts'
import { until } from './support/waiting.ts'

/** How long the proxy waits for a sign of life. */
const TIMEOUT = '2s'
/** From one sign of life of an attacker to the next. */
const FOLLOW_UP_SEC = 4
/** How long an attack goes on at most: it is ended once the proxy has given up what it is to. */
const ATTACK_SEC = 200
/** How long an attacker waits for an answer to a good request of its own. */
const PROBE_SEC = 60
/** Of each attack. */
const CONNECTIONS = 200
/** More than the kernel's buffers on the way hold, for clients that do not read. */
const LARGE_BYTES = 24 * 1024 * 1024
const CLIENTS = 4
const PAUSE_MS = 10

/** A mode of slowhttptest. */
interface Attack {
  readonly what: string
  readonly page: string
  readonly args: readonly string[]
  /** What its sessions are logged with. */
  readonly logged: RegExp
}

const ATTACKS: readonly Attack[] = [
  { what: 'slow headers', page: '/', args: ['-H', '-x', '10'], logged: / 408 \d+ - - cR-- / },
  {
    what: 'slow bodies',
    page: '/',
    args: ['-B', '-s', '8192', '-x', '10'],
    logged: / 408 \d+ - - cH-- /,
  },
  {
    what: 'ranges',
    page: '/',
    args: ['-R', '-a', '5', '-b', '2000', '-t', 'HEAD'],
    logged: / 200 \d+ - - ---- .* "HEAD /,
  },
  {
    what: 'slow reads',
    page: '/large',
    args: ['-X', '-w', '512', '-y', '1024', '-n', String(FOLLOW_UP_SEC), '-z', '32'],
    logged: / 200 \d+ - - cD-- /,
  },
]

beforeEach(requires('slowhttptest'))

it('slow clients are given up, and the others are served meanwhile', async () => {
  const large = Buffer.alloc(LARGE_BYTES, 'x')
  const server = await startHttpServer({
    answer: ({ url }, response) => void response.end(url === '/large' ? large : 'served'),
  })
  const timeout = { 'client': TIMEOUT, 'http-request': TIMEOUT, 'http-keep-alive': '1m' }
  const { daemon, port, url } = await startProxy(server.address, { defaults: { timeout } })

  let isOver = false
  const problems: string[] = []
  const serve = async (): Promise<number> => {
    const ask = httpClient(port)
    for (let served = 0; ; served++) {
      if (isOver) return served
      const answer = await ask('/').then(
        ({ status, body }) => `${status} ${body}`,
        (error: unknown) => String(error),
      )
      if (answer !== '200 served') problems.push(answer)
      await sleep(PAUSE_MS)
    }
  }
  const clients = Array.from({ length: CLIENTS }, serve)
  const general = [
    ...['-c', String(CONNECTIONS), '-r', String(CONNECTIONS), '-l', String(ATTACK_SEC)],
    ...['-i', String(FOLLOW_UP_SEC), '-p', String(PROBE_SEC), '-v', '1'],
  ]
  const attacks = ATTACKS.map(({ page, args }) =>
    startProcess('slowhttptest', [...args, ...general, '-u', `${url}${page}`], { stdio: 'ignore' }),
  )
  for (const { what, logged } of ATTACKS) {
    // Not all may have come as far as to send something.
    await until(`the log of ${what}`, () => {
      const ended = daemon.accessLog.filter((line) => logged.test(line))
      return ended.length >= CONNECTIONS / 2 ? true : undefined
    })
  }
  isOver = true
  const served = await Promise.all(clients)
  expect(problems).toEqual([])
  expect(Math.min(...served)).toBeGreaterThan(0)

  for (const attack of attacks) attack.kill()
  await until('all sessions to be given up', async () => {
    const sample = await scrape(daemon)
    const sessions = sample('sluice_frontend_current_sessions')
    return sessions === 0 && sample('sluice_server_current_sessions') === 0 ? true : undefined
  })
  expect(daemon.log.filter(({ event }) => event?.startsWith('worker-'))).toEqual([])
})
