import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { processTree, residentBytesOf } from './cpu-time.ts'
import { pickCores, requireTools } from './host.ts'
import { startOrigin } from './origin.ts'
import { PROXY_NAMES, type ProxyName, type RunningProxy, startProxy, toolsFor } from './proxies.ts'
import { runWrk } from './wrk.ts'

const USAGE = `Usage: npm run bench:idle -- [options]
  --connections N  idle keep-alive connections (default: 10000)
  --hold SECONDS   how long they stay idle (default: 10)
  --only NAMES     of ${PROXY_NAMES.join(',')} (default: sluice,haproxy)
`
/** Connections opened at once: within every listener's accept queue. */
const BATCH = 100
/** Room above the idle connections for checks and the warm-up. */
const SPARE_CONNECTIONS = 500
const ANSWER_TIMEOUT_MS = 30_000
const KIB = 1024

interface IdleFigures {
  readonly beforeBytes: number
  readonly heldBytes: number
  /** Connections that answered again after they were idle. */
  readonly answered: number
}

/** Sends one request on a connection and resolves when the whole answer is there. */
function ask(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const settle = (failure?: Error): void => {
      clearTimeout(deadline)
      socket.off('data', read).off('close', cut).off('error', settle)
      if (failure === undefined) resolve()
      else reject(failure)
    }
    const read = (chunk: Buffer): void => {
      answer += chunk.toString('latin1')
      const head = answer.indexOf('\r\n\r\n')
      if (head === -1 || answer.length < head + 4 + 100) return
      settle(answer.startsWith('HTTP/1.1 200') ? undefined : new Error(answer.slice(0, head)))
    }
    const cut = (): void => settle(new Error('closed without an answer'))
    const deadline = setTimeout(() => settle(new Error('no answer')), ANSWER_TIMEOUT_MS)
    socket.on('data', read).once('close', cut).once('error', settle)
    socket.write('GET /small HTTP/1.1\r\nHost: idle\r\n\r\n')
  })
}

async function openAll(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  while (sockets.length < count) {
    const batch = Array.from({ length: Math.min(BATCH, count - sockets.length) }, () => {
      const socket = connect(port, '127.0.0.1')
      // A failure shows as a connection that does not answer.
      return socket.on('error', () => socket.destroy())
    })
    await Promise.all(batch.map(ask))
    sockets.push(...batch)
  }
  return sockets
}

async function holdIdle(
  proxy: RunningProxy,
  connections: number,
  holdSeconds: number,
  core: number,
): Promise<IdleFigures> {
  const url = new URL('/small', proxy.urls.http)
  await runWrk({ url: url.href, connections: 64, seconds: 3, core })
  const pids = processTree(proxy.child.pid)
  await sleep(1000)
  const beforeBytes = residentBytesOf(pids)
  const sockets = await openAll(Number(url.port), connections)
  await sleep(holdSeconds * 1000)
  const heldBytes = residentBytesOf(pids)
  let answered = 0
  for (let i = 0; i < sockets.length; i += BATCH) {
    const settled = await Promise.allSettled(sockets.slice(i, i + BATCH).map(ask))
    answered += settled.filter(({ status }) => status === 'fulfilled').length
  }
  for (const socket of sockets) socket.destroy()
  return { beforeBytes, heldBytes, answered }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      connections: { type: 'string', default: '10000' },
      hold: { type: 'string', default: '10' },
      only: { type: 'string', default: 'sluice,haproxy' },
    },
  })
  const names = PROXY_NAMES.filter((name: ProxyName) => values.only.split(',').includes(name))
  const connections = Number(values.connections)
  const holdSeconds = Number(values.hold)
  if (names.length === 0 || !(connections >= 1) || !(holdSeconds >= 0)) throw new Error(USAGE)
  requireTools(toolsFor(names))
  const cores = pickCores()
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const origin = await startOrigin(folder, cores.load)
  const maxconn = connections + SPARE_CONNECTIONS
  try {
    for (const name of names) {
      const setup = { folder, cores: [cores.proxy], originPort: origin.port, maxconn }
      const proxy = await startProxy(name, setup)
      const idle = await holdIdle(proxy, connections, holdSeconds, cores.load)
      await proxy.child.stop()
      const grownBytes = idle.heldBytes - idle.beforeBytes
      process.stdout.write(
        `${name}: ${connections} idle connections held ${holdSeconds} s, ${idle.answered} answered` +
          ` again; RSS ${(idle.beforeBytes / KIB / KIB).toFixed(1)} ->` +
          ` ${(idle.heldBytes / KIB / KIB).toFixed(1)} MiB,` +
          ` ${(grownBytes / connections / KIB).toFixed(2)} KiB per connection\n`,
      )
      if (idle.answered < connections) process.exitCode = 1
    }
  } finally {
    await origin.child.stop()
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
