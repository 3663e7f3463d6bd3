import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { freePort } from './support/ports.ts'
import { catches, listeningPorts } from './support/process-state.ts'
import { NODE, SLUICE, startProcess } from './support/processes.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { until } from './support/waiting.ts'

const DEBUGGER_PORT = 9229
const START_MS = 1_500
const SIGNALS = ['SIGUSR1', 'SIGHUP', 'SIGTERM', 'SIGINT'] as const
const SIGINT_STATUS = 128 + 2

/** Moments within a start, drawn anew each time; a failure shows which. */
const moments = Array.from({ length: 3 }, () => Math.floor(Math.random() * START_MS))

interface Starting {
  readonly pid: number
  readonly port: number
  readonly send: (signal: NodeJS.Signals) => void
  readonly exit: Promise<readonly [number | null, NodeJS.Signals | null]>
  readonly has: (event: string) => boolean
}

/** A daemon from its first moment on. */
async function begin(): Promise<Starting> {
  const port = await freePort()
  const file = join(temporaryFolder(), 'sluice.yaml')
  const config = {
    global: { nbthread: 1, log: { access: 'off' } },
    admin: { bind: `127.0.0.1:${await freePort()}` },
    defaults: { mode: 'http' },
    frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
    backends: { app: { servers: { s1: '127.0.0.1:1' } } },
  }
  writeFileSync(file, stringify(config))
  const child = startProcess(NODE, [SLUICE, 'run', '-f', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  const exit = once(child, 'close').then(
    ([code, signal]) => [code, signal] as [number | null, NodeJS.Signals | null],
  )
  return {
    pid: child.pid ?? 0,
    port,
    send: (signal) => child.kill(signal),
    exit,
    has: (event) => log.includes(`"event":"${event}"`),
  }
}

/** Before it no program can say what a signal does: Node has not come to its first line. */
async function handlers({ pid }: Starting): Promise<void> {
  await until('the handlers', () =>
    SIGNALS.every((name) => catches(pid, name)) ? true : undefined,
  )
}

describe('a signal during the start', () => {
  it.each(moments)('SIGHUP and SIGUSR1 after %i ms are done after it', async (momentMs) => {
    const daemon = await begin()
    await handlers(daemon)
    await sleep(momentMs)
    daemon.send('SIGHUP')
    daemon.send('SIGUSR1')
    await until('the reload', () => (daemon.has('config-reloaded') ? true : undefined))
    expect(daemon.has('started')).toBe(true)
    expect(listeningPorts(daemon.pid)).toContain(daemon.port)
    expect(listeningPorts(daemon.pid)).not.toContain(DEBUGGER_PORT)
    daemon.send('SIGTERM')
    expect(await daemon.exit).toEqual([0, null])
  })

  it.each(moments)('SIGTERM after %i ms ends it with status 0', async (momentMs) => {
    const daemon = await begin()
    await handlers(daemon)
    await sleep(momentMs)
    daemon.send('SIGTERM')
    expect(await daemon.exit).toEqual([0, null])
  })

  it('SIGHUP and SIGTERM together end it too, whichever comes first', async () => {
    const daemon = await begin()
    await handlers(daemon)
    daemon.send('SIGHUP')
    daemon.send('SIGTERM')
    expect(await daemon.exit).toEqual([0, null])
  })

  it('a second SIGINT ends it at once', async () => {
    const daemon = await begin()
    await handlers(daemon)
    daemon.send('SIGINT')
    await sleep(20)
    daemon.send('SIGINT')
    const [code, signal] = await daemon.exit
    // 0 where the first was enough, and by the signal itself where Node had given its handlers back
    // already, at the very end of a process.
    expect([0, SIGINT_STATUS]).toContain(signal === 'SIGINT' ? SIGINT_STATUS : code)
  })
})

describe("SIGUSR1 is never Node's", () => {
  it('not even before the first line of the program', async () => {
    const daemon = await begin()
    await until('Node to be there', () => (catches(daemon.pid, 'SIGUSR1') ? true : undefined))
    daemon.send('SIGUSR1')
    await until('the start', () => (daemon.has('started') ? true : undefined))
    await until('no debugger', () =>
      listeningPorts(daemon.pid).includes(DEBUGGER_PORT) ? undefined : true,
    )
    await sleep(1_500)
    expect(listeningPorts(daemon.pid)).not.toContain(DEBUGGER_PORT)
  })

  it('nor in other commands', async () => {
    const pipe = join(temporaryFolder(), 'sluice.yaml')
    execFileSync('mkfifo', [pipe])
    const child = startProcess(NODE, [SLUICE, 'check', '-f', pipe], { stdio: 'ignore' })
    const exit = once(child, 'close')
    const pid = child.pid ?? 0
    await until('Node to be there', () => (catches(pid, 'SIGUSR1') ? true : undefined))
    // Long enough for any machine to come to where the file is read, which waits for its writer.
    await sleep(2_000)
    child.kill('SIGUSR1')
    await sleep(500)
    expect(listeningPorts(pid)).toEqual([])
    await writeFile(pipe, 'frontends: {}\n')
    const [code] = (await exit) as [number | null]
    expect(code).not.toBeNull()
  })
})

it('a second SIGINT ends a node that drains', async () => {
  const daemon = await begin()
  await until('the start', () => (daemon.has('started') ? true : undefined))
  const client = connect(daemon.port, '127.0.0.1')
  await once(client, 'connect')
  client.on('error', () => {})
  // A request that has begun is waited for.
  client.write('GET / HTTP/1.1\r\n')
  await sleep(300)
  daemon.send('SIGINT')
  await until('the drain', () => (daemon.has('draining') ? true : undefined))
  daemon.send('SIGINT')
  expect(await daemon.exit).toEqual([130, null])
  client.destroy()
})
