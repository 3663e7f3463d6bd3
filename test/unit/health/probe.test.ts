import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { describeOutcome, hasPassed, Probe, type ProbeOutcome } from '../../../src/health/probe.ts'
import { Expectations } from '../../../src/health/probes/expectation-match.ts'
import { probeTask } from '../../../src/health/probes/probe-task.ts'
import type { ProbeConfig } from '../../../src/model/config.ts'
import type { HttpProbeConfig } from '../../../src/model/probe-protocol.ts'
import { PROBE_STATUS, type ProbeStatus } from '../../../src/model/probe-state.ts'
import type { Conn, NetEngine } from '../../../src/net/conn.ts'
import { createNodeEngine } from '../../../src/net/engines/node/node-engine.ts'
import { RunningTimers } from '../../../src/net/running-timers.ts'
import { linearPatterns } from '../../../src/rules-host/linear-patterns.ts'
import {
  answering,
  type CheckedServer,
  checksumOf,
  connectStep,
  HTTP_CHECK,
  signal,
  silent,
  startServer,
} from './check-servers.ts'

const EXPECTATIONS = new Expectations(linearPatterns)

const engine = createNodeEngine({ onAcceptFailure: () => {} })
const clock = (): number => performance.now()
const timers = new RunningTimers(clock)
const servers: CheckedServer[] = []

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function serverThat(behaviour: (socket: Socket) => void): Promise<CheckedServer> {
  const server = await startServer(behaviour)
  servers.push(server)
  return server
}

function probe(check: ProbeConfig, connectTimeoutMs = 1000): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    new Probe(probeTask(check, connectTimeoutMs, EXPECTATIONS), { engine, clock, timers }, resolve)
  })
}

async function httpProbe(
  behaviour: (socket: Socket) => void,
  http: Partial<HttpProbeConfig> = {},
  changes: Partial<ProbeConfig> = {},
): Promise<ProbeOutcome> {
  const server = await serverThat(behaviour)
  return probe(checksumOf(server.address, { protocol: { ...HTTP_CHECK, ...http }, ...changes }))
}

describe('a TCP check', () => {
  it('passes when the connection opens, and closes it', async () => {
    const closed = signal()
    const server = await serverThat((socket) => socket.resume().on('close', () => closed.resolve()))
    expect(await probe(checksumOf(server.address))).toMatchObject({
      status: 'L4OK',
      code: 0,
      info: '',
    })
    await closed.promise
  })

  it('fails when nobody listens', async () => {
    const server = await startServer(silent)
    await server.close()
    const outcome = await probe(checksumOf(server.address))
    expect(outcome).toMatchObject({ status: 'L4CON', info: 'Connection refused' })
    expect(outcome.durationMs).toBeGreaterThanOrEqual(0)
  })

  it('fails on a Unix socket that does not exist', async () => {
    const address = { kind: 'unix', path: '/nonexistent/sluice.sock' } as const
    expect(await probe(checksumOf(address))).toMatchObject({ status: 'L4CON' })
  })

  it.each([
    ['timeout connect', 20, 60_000],
    ['inter', 60_000, 20],
  ])('is given up after %s when that is the shorter', async (_, connectTimeoutMs, interMs) => {
    // An engine whose connections never open.
    const calls: string[] = []
    const conn = { reset: () => calls.push('reset') }
    const stuck = { ...engine, connect: () => conn as never }
    const check = checksumOf({ kind: 'inet', host: '127.0.0.1', port: 1 }, { interMs })
    const outcome = await new Promise<ProbeOutcome>((resolve) => {
      new Probe(
        probeTask(check, connectTimeoutMs, EXPECTATIONS),
        { engine: stuck, clock, timers },
        resolve,
      )
    })
    expect(outcome).toMatchObject({ status: 'L4TOUT', code: 0 })
    expect(calls).toEqual(['reset'])
  })
})

describe.each(['exhausted', 'portless'] as const)('a connection that is %s', (failure) => {
  const tls = { isDefault: true, serverName: 'a', alpn: [], verify: false, caFile: '' }
  const protocols: Record<string, Partial<ProbeConfig>> = {
    'a connection': {},
    'a PROXY header': { sendProxy: 2 },
    'TLS': { tls },
    'HTTP': { protocol: HTTP_CHECK },
    'steps over TLS': { tls, protocol: { kind: 'steps', steps: [connectStep({ port: 2 })] } },
    'gRPC': { protocol: { kind: 'grpc', service: '' } },
  }

  it.each(Object.keys(protocols))(
    'says nothing of a server that is checked by %s',
    async (kind) => {
      const lacking: NetEngine = {
        ...engine,
        connect: (_, handler) => {
          const conn = { reset: () => {} } as Conn
          setImmediate(() => handler.onClose(conn, failure))
          return conn
        },
      }
      const told: unknown[] = []
      const check = checksumOf({ kind: 'inet', host: '127.0.0.1', port: 1 }, protocols[kind])
      const outcome = await new Promise<ProbeOutcome>((resolve) => {
        const context = {
          engine: lacking,
          clock,
          timers,
          onShortage: (...all: unknown[]) => void told.push(all),
        }
        new Probe(probeTask(check, 1000, EXPECTATIONS), context, resolve)
      })
      expect(outcome).toMatchObject({ status: 'SOCKERR', ownFailure: failure })
      const port = check.protocol?.kind === 'steps' ? 2 : 1
      expect(told).toEqual([[failure, { kind: 'inet', host: '127.0.0.1', port }]])
    },
  )
})

const NO_STATUS_LINE = 'Invalid response: the status line is not `HTTP/1.x status reason`'

describe('an HTTP check', () => {
  it('sends the request of option httpchk', async () => {
    const requests: string[] = []
    await httpProbe(answering('HTTP/1.0 200 OK\r\n\r\n', requests))
    expect(requests).toEqual(['OPTIONS / HTTP/1.0\r\n\r\n'])
  })

  it('sends HTTP/1.1 when a host is given', async () => {
    const requests: string[] = []
    const http: Partial<HttpProbeConfig> = {
      method: 'GET',
      uri: '/healthz',
      version: 'HTTP/1.1',
      headers: [['Host', 'app.example']],
    }
    await httpProbe(answering('HTTP/1.1 200 OK\r\n\r\n', requests), http)
    expect(requests).toEqual([
      'GET /healthz HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n',
    ])
  })

  it.each([
    ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 'L7OK', 200, 'OK'],
    ['HTTP/1.0 200 Fine by me\r\n\r\n', 'L7OK', 200, 'Fine by me'],
    ['HTTP/1.1 399 \r\n\r\n', 'L7OK', 399, ''],
    ['HTTP/1.1 204\r\n\r\n', 'L7OK', 204, ''],
    ['HTTP/1.1 200\r\n\r\n', 'L7OK', 200, ''],
    ['HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\r\n', 'L7OK', 200, 'OK'],
    ['HTTP/1.1 404 Not Found\r\n\r\n', 'L7STS', 404, 'Not Found'],
    ['HTTP/1.1 503 Service Unavailable\r\n\r\n', 'L7STS', 503, 'Service Unavailable'],
    ['HTTP/1.1 600 Odd\r\n\r\n', 'L7STS', 600, 'Odd'],
    ['HTTP/1.1 199 Early\r\n\r\n', 'L7RSP', 0, 'Incomplete response'],
    [
      'HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
      'L7RSP',
      101,
      'Unexpected change of protocol',
    ],
    ['', 'L7RSP', 0, 'Empty response'],
    ['HTTP/1.1 200 O', 'L7RSP', 0, 'Incomplete response'],
    ['HTTP/2.0 200 OK\r\n\r\n', 'L7RSP', 0, NO_STATUS_LINE],
    ['HTTP/1.1  200 OK\r\n\r\n', 'L7RSP', 0, NO_STATUS_LINE],
    ['HTTP/1.1 2000 OK\r\n\r\n', 'L7RSP', 0, NO_STATUS_LINE],
    ['HTTP/1.1 200 O\x00K\r\n\r\n', 'L7RSP', 0, NO_STATUS_LINE],
    ['SSH-2.0-OpenSSH\r\n', 'L7RSP', 0, NO_STATUS_LINE],
    [
      `HTTP/1.1 200 ${'x'.repeat(15_360)}`,
      'L7RSP',
      0,
      'Invalid response: the message head is too large',
    ],
    ['HTTP/1.1 200 OK\n\n', 'L7RSP', 0, 'Invalid response: an LF without CR'],
    [
      'HTTP/1.1 200 OK\r\nA : b\r\n\r\n',
      'L7RSP',
      0,
      'Invalid response: white space between a header name and its colon',
    ],
  ])('judges %j', async (response, status, code, info) => {
    expect(await httpProbe(answering(response))).toMatchObject({ status, code, info })
  })

  it('takes the configured codes for success', async () => {
    const http: Partial<HttpProbeConfig> = {
      expect: [
        {
          kind: 'status',
          negated: false,
          ranges: [
            [200, 200],
            [401, 403],
          ],
        },
      ],
    }
    const statusOf = async (code: number): Promise<string> =>
      (await httpProbe(answering(`HTTP/1.1 ${code} X\r\n\r\n`), http)).status
    expect(await statusOf(200)).toBe('L7OK')
    expect(await statusOf(201)).toBe('L7STS')
    expect(await statusOf(402)).toBe('L7OK')
    expect(await statusOf(404)).toBe('L7STS')
  })

  it('judges the same however the response is cut into packets', async () => {
    const response = 'HTTP/1.1 503 Down for now\r\nA: b\r\n\r\n'
    const outcome = await httpProbe((socket) => {
      socket.setNoDelay(true)
      socket.once('data', () => {
        let at = 0
        const next = (): void => {
          if (socket.destroyed || at >= response.length) return
          socket.write(response[at++] as string, () => setImmediate(next))
        }
        next()
      })
    })
    expect(outcome).toMatchObject({ status: 'L7STS', code: 503, info: 'Down for now' })
  })

  it('ends as soon as the head is there, and reads no endless body', async () => {
    const outcome = await httpProbe((socket) => {
      const pour = (): void => {
        while (!socket.destroyed && socket.write('x'.repeat(1000)));
      }
      socket.on('drain', pour).once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        pour()
      })
    })
    expect(outcome).toMatchObject({ status: 'L7OK', code: 200 })
  })

  it('times out when the server says nothing', async () => {
    const outcome = await httpProbe(silent, {}, { timeoutMs: 20 })
    expect(outcome).toMatchObject({ status: 'L7TOUT', code: 0 })
  })

  it('times out when the server trickles', async () => {
    const outcome = await httpProbe(
      (socket) => {
        socket.resume()
        socket.write('HTTP/1.1 200 OK\r\nA: ')
        const timer = setInterval(() => socket.write('b'), 1)
        socket.on('close', () => clearInterval(timer))
      },
      {},
      { timeoutMs: 40 },
    )
    expect(outcome).toMatchObject({ status: 'L7TOUT' })
  })

  it('is a socket error when the connection is reset before the answer', async () => {
    const outcome = await httpProbe((socket) => socket.once('data', () => socket.resetAndDestroy()))
    expect(outcome).toMatchObject({ status: 'SOCKERR', info: 'Connection reset by peer' })
  })
})

describe('a check with a PROXY protocol header', () => {
  const LOCAL = '\r\n\r\n\0\r\nQUIT\n\x20\0\0\0'
  const REQUEST = 'OPTIONS / HTTP/1.0\r\n\r\n'

  /** What the server receives in all, and how the check ends. */
  async function received(changes: Partial<ProbeConfig>): Promise<[string, ProbeOutcome]> {
    let text = ''
    const closed = signal()
    const server = await serverThat((socket) => {
      socket
        .on('close', () => closed.resolve())
        // A reset behind bytes is shown as an end by libuv.
        .on('end', () => socket.destroy())
        .on('data', (data) => {
          text += data.toString('latin1')
          if (text.endsWith(REQUEST)) socket.write('HTTP/1.0 200 OK\r\n\r\n')
        })
    })
    const outcome = await probe(checksumOf(server.address, changes))
    await closed.promise
    const port = server.address.kind === 'inet' ? server.address.port : -1
    return [text.replace(`${port}\r\n`, 'PORT\r\n'), outcome]
  }

  it('says in version 1 between whom its connection is', async () => {
    const [text, { status }] = await received({ protocol: HTTP_CHECK, sendProxy: 1 })
    expect(status).toBe('L7OK')
    expect(text).toMatch(
      /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 [1-9]\d{3,4} PORT\r\nOPTIONS \/ HTTP\/1\.0\r\n\r\n$/,
    )
  })

  it('says in version 2 that it is its own', async () => {
    const [text, { status }] = await received({ protocol: HTTP_CHECK, sendProxy: 2 })
    expect(status).toBe('L7OK')
    expect(text).toBe(LOCAL + REQUEST)
  })

  it.each([
    [1, /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ PORT\r\n$/],
    [2, new RegExp(`^${LOCAL}$`)],
  ] as const)(
    'sends it, version %i, where opening the connection is all',
    async (version, header) => {
      const [text, { status }] = await received({ sendProxy: version })
      expect(status).toBe('L4OK')
      expect(text).toMatch(header)
    },
  )

  it.each([
    [1, 'PROXY UNKNOWN\r\n'],
    [2, LOCAL],
  ] as const)('has no address to tell over a Unix socket, version %i', async (version, header) => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-probe-'))
    const path = join(folder, 'socket')
    const requests: string[] = []
    const server = createServer(answering('HTTP/1.0 200 OK\r\n\r\n', requests)).listen(path)
    await once(server, 'listening')
    const outcome = await probe(
      checksumOf({ kind: 'unix', path }, { protocol: HTTP_CHECK, sendProxy: version }),
    )
    server.close()
    rmSync(folder, { recursive: true })
    expect(outcome.status).toBe('L7OK')
    expect(requests).toEqual([header + REQUEST])
  })
})

describe('a thread that is late itself', () => {
  it('does not take the server for late', async () => {
    const server = await serverThat(silent)
    const outcome = probe(checksumOf(server.address), 5)
    const startMs = performance.now()
    while (performance.now() - startMs < 30);
    expect(await outcome).toMatchObject({ status: 'L4OK' })
  })
})

describe('cancel', () => {
  it('ends the probe without an outcome', async () => {
    const arrived = signal<Socket>()
    const closed = signal()
    const server = await serverThat((socket) => {
      socket.resume().on('close', () => closed.resolve())
      arrived.resolve(socket)
    })
    const outcomes: ProbeOutcome[] = []
    const check = checksumOf(server.address, { protocol: HTTP_CHECK })
    const running = new Probe(
      probeTask(check, 1000, EXPECTATIONS),
      { engine, clock, timers },
      (outcome) => outcomes.push(outcome),
    )
    const socket = await arrived.promise
    running.cancel()
    running.cancel()
    socket.end('HTTP/1.1 200 OK\r\n\r\n')
    await closed.promise
    expect(outcomes).toEqual([])
  })
})

describe('describeOutcome', () => {
  it.each([
    [{ status: 'L4OK', code: 0, info: '' }, 'Layer4 check passed'],
    [
      { status: 'L4CON', code: 0, info: 'Connection refused' },
      'Layer4 connection problem, info: "Connection refused"',
    ],
    [
      { status: 'L7STS', code: 503, info: 'Service Unavailable' },
      'Layer7 wrong status, code: 503, info: "Service Unavailable"',
    ],
  ] as const)('%j', (outcome, text) => {
    expect(describeOutcome({ ...outcome, durationMs: 1 })).toBe(text)
  })
})

describe('hasPassed', () => {
  it('is true of the outcomes that HAProxy calls passed', () => {
    const all = Object.keys(PROBE_STATUS) as ProbeStatus[]
    expect(all.filter(hasPassed)).toEqual(['L4OK', 'L6OK', 'L7OK'])
  })
})

describe('any first line', () => {
  it('gives a verdict, and info that is one printable line', async () => {
    let response = ''
    const server = await serverThat((socket) => {
      socket.on('data', () => socket.end(response, 'latin1'))
    })
    const check = checksumOf(server.address, { protocol: HTTP_CHECK })
    const bytes = fc.uint8Array({ maxLength: 80 }).map((it) => Buffer.from(it).toString('latin1'))
    const line = fc.oneof(
      bytes,
      bytes.map((it) => `HTTP/1.1 ${it}\r\n\r\n`),
      bytes.map((it) => `HTTP/1.1 200 ${it}\r\n\r\n`),
    )
    await fc.assert(
      fc.asyncProperty(line, async (text) => {
        response = text
        const outcome = await probe(check)
        expect(['L7OK', 'L7STS', 'L7RSP']).toContain(outcome.status)
        expect(outcome.info).toMatch(/^[\t\x20-\x7e\x80-\xff]*$/)
        expect(hasPassed(outcome.status)).toBe(outcome.code >= 200 && outcome.code <= 399)
      }),
      { numRuns: 150 },
    )
  })
})
