import type { Socket } from 'node:net'
import { createServer } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { Probe, type ProbeOutcome } from '../../../../src/health/probe.ts'
import { Expectations } from '../../../../src/health/probes/expectation-match.ts'
import { probeTask } from '../../../../src/health/probes/probe-task.ts'
import type { ProbeConfig } from '../../../../src/model/config.ts'
import type { ProbeTlsConfig } from '../../../../src/model/probe-protocol.ts'
import { createNodeEngine } from '../../../../src/net/engines/node/node-engine.ts'
import { RunningTimers } from '../../../../src/net/running-timers.ts'
import { ClientTlsContexts } from '../../../../src/net/tls/client-tls.ts'
import { linearPatterns } from '../../../../src/rules-host/linear-patterns.ts'
import { createAuthority } from '../../../fixtures/certificates.ts'
import { outgoingTls } from '../../../fixtures/outgoing-tls.ts'
import { type CheckedServer, checksumOf, silent, startServer } from '../check-servers.ts'
import {
  framed,
  type GrpcCall,
  type GrpcServer,
  healthResponse,
  reply,
  startGrpcServer,
} from '../grpc-server.ts'

const EXPECTATIONS = new Expectations(linearPatterns)

const engine = createNodeEngine({ onAcceptFailure: () => {} })
const contexts = new ClientTlsContexts()
const authority = createAuthority()
const good = authority.issue({ names: ['a.example'] })
const TLS: ProbeTlsConfig = {
  isDefault: true,
  serverName: 'a.example',
  alpn: [],
}
const clock = (): number => performance.now()
const timers = new RunningTimers(clock)
const servers: (GrpcServer | CheckedServer)[] = []

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

function probe(
  address: ProbeConfig['address'],
  service = '',
  changes: Partial<ProbeConfig> = {},
): Promise<ProbeOutcome> {
  const protocol = { kind: 'grpc', service } as const
  const check = checksumOf(address, { protocol, timeoutMs: 5000, ...changes })
  return new Promise((resolve) => {
    const tls = outgoingTls(authority.cert)
    const secure = { ...tls, context: contexts.of(tls).context }
    const task = probeTask(check, 5000, EXPECTATIONS, secure)
    new Probe(task, { engine, clock, timers }, resolve)
  })
}

/** A check of a server that answers in this way. */
async function checked(
  answer: (call: GrpcCall) => void,
  changes: Partial<ProbeConfig> = {},
): Promise<ProbeOutcome> {
  const server = await startGrpcServer(answer)
  servers.push(server)
  const outcome = await probe(server.address, '', changes)
  expect(server.problems).toEqual([])
  return outcome
}

/** A check of a server that does this with the connection. */
async function checkedRaw(
  behaviour: (socket: Socket) => void,
  changes: Partial<ProbeConfig> = {},
): Promise<ProbeOutcome> {
  const server = await startServer(behaviour)
  servers.push(server)
  return probe(server.address, '', changes)
}

/** A frame of HTTP/2 (RFC 9113 section 4.1). */
function frame(type: number, flags: number, payload: Buffer, streamId = 0): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(streamId, 5)
  return Buffer.concat([head, payload])
}

const SETTINGS = frame(4, 0, Buffer.alloc(0))

describe('a gRPC check', () => {
  it.each([
    [1, 'L7OK', 'SERVING'],
    [0, 'L7STS', 'UNKNOWN'],
    [2, 'L7STS', 'NOT_SERVING'],
    [3, 'L7STS', 'SERVICE_UNKNOWN'],
    [9, 'L7STS', 'status 9'],
  ])('of a server that answers %i is %s', async (status, expected, info) => {
    const outcome = await checked((call) => reply(call, healthResponse(status)))
    expect(outcome).toMatchObject({ status: expected, info, code: 0 })
  })

  it.each(['', 'shop.v1.Orders', 'x'.repeat(200)])('asks for service "%s"', async (service) => {
    const server = await startGrpcServer((call) => reply(call, healthResponse(1)))
    servers.push(server)
    expect(await probe(server.address, service)).toMatchObject({ status: 'L7OK' })
    expect([server.calls.map((call) => call.service), server.problems]).toEqual([[service], []])
    const { headers } = server.calls[0] as GrpcCall
    const port = server.address.kind === 'inet' ? server.address.port : 0
    expect(headers[':authority']).toBe(`127.0.0.1:${port}`)
    expect(headers['grpc-timeout']).toBe('5000m')
  })

  it.each([
    [{ 'grpc-status': '5', 'grpc-message': 'unknown service' }, 5, 'NOT_FOUND: unknown service'],
    [{ 'grpc-status': '12', 'grpc-message': 'no%20such%0amethod' }, 12, 'UNIMPLEMENTED: no such'],
    [{ 'grpc-status': '14' }, 14, 'UNAVAILABLE'],
    [{ 'grpc-status': '99' }, 99, 'grpc-status 99'],
  ])('tells of the error %j, in trailers or alone', async (trailers, code, info) => {
    const inTrailers = await checked((call) => reply(call, Buffer.alloc(0), trailers))
    expect(inTrailers).toMatchObject({ status: 'L7STS', code, info })
    const alone = await checked(({ stream }) => {
      const head = { ':status': 200, 'content-type': 'application/grpc', ...trailers }
      stream.respond(head, { endStream: true })
    })
    expect(alone).toMatchObject({ status: 'L7STS', code, info })
  })

  it.each<[string, Buffer, Record<string, string>]>([
    ['No grpc-status', healthResponse(1), {}],
    ['No grpc-status', healthResponse(1), { 'grpc-status': 'ok' }],
    ['Incomplete answer', Buffer.alloc(0), { 'grpc-status': '0' }],
    ['Incomplete answer', healthResponse(1).subarray(0, 6), { 'grpc-status': '0' }],
    ['The answer is compressed', framed(Buffer.from([8, 1]), 1), { 'grpc-status': '0' }],
    [
      'More than one answer',
      Buffer.concat([healthResponse(1), healthResponse(1)]),
      { 'grpc-status': '0' },
    ],
    ['Not a health status', framed(Buffer.from('hello')), { 'grpc-status': '0' }],
    ['More than 16384 bytes', Buffer.alloc(30_000), { 'grpc-status': '0' }],
  ])('does not take for an answer: %s', async (info, body, trailers) => {
    const outcome = await checked((call) => reply(call, body, trailers))
    expect(outcome).toMatchObject({ status: 'L7RSP', info })
  })

  it.each([
    [{ ':status': 404 }, 'L7STS', 404, 'HTTP status 404'],
    [{ ':status': 200, 'content-type': 'text/html' }, 'L7RSP', 0, 'Not a gRPC answer'],
    [{ ':status': 200 }, 'L7RSP', 0, 'Not a gRPC answer'],
    [{ ':status': 200, 'content-type': 'application/grpcx' }, 'L7RSP', 0, 'Not a gRPC answer'],
    [
      { ':status': 200, 'content-type': 'application/grpc+proto', 'grpc-status': '14' },
      'L7STS',
      14,
      'UNAVAILABLE',
    ],
  ])('judges the head %j', async (head, status, code, info) => {
    const outcome = await checked(({ stream }) => stream.respond(head, { endStream: true }))
    expect(outcome).toMatchObject({ status, code, info })
  })

  it('takes an answer in many pieces', async () => {
    const outcome = await checked(({ stream }) => {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc' },
        { waitForTrailers: true },
      )
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      const bytes = [...healthResponse(1)]
      const next = (): void => {
        const byte = bytes.shift()
        if (byte === undefined) stream.end()
        else stream.write(Buffer.from([byte]), () => setImmediate(next))
      }
      next()
    })
    expect(outcome).toMatchObject({ status: 'L7OK' })
  })
})

describe('a gRPC check ends', () => {
  it.each([
    ['the server says nothing', silent],
    ['the server says nothing but its settings', (socket: Socket) => void socket.write(SETTINGS)],
  ])('in time when %s', async (_, behaviour) => {
    expect(await checkedRaw(behaviour, { timeoutMs: 50 })).toMatchObject({ status: 'L7TOUT' })
  })

  it('in time when no trailers come', async () => {
    const outcome = await checked(
      ({ stream }) => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
        stream.write(healthResponse(1))
      },
      { timeoutMs: 200 },
    )
    expect(outcome).toMatchObject({ status: 'L7TOUT' })
  })

  it('when the stream is reset', async () => {
    const outcome = await checked(({ stream }) => stream.close(7))
    expect(outcome.status).toBe('L7RSP')
    expect(outcome.info).toContain('REFUSED_STREAM')
  })

  it('when the server goes away with an error, but not when it only says that it will', async () => {
    const bad = await checked(({ stream }) => stream.session?.goaway(2))
    expect(bad).toMatchObject({ status: 'L7RSP', info: 'The server went away, HTTP/2 error 2' })
    const well = await checked((call) => {
      call.stream.session?.goaway(0, call.stream.id)
      reply(call, healthResponse(1))
    })
    expect(well).toMatchObject({ status: 'L7OK', info: 'SERVING' })
  })

  it.each([
    ['HTTP/1.1', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['another protocol', '220 mail.example ESMTP\r\n'],
  ])('when the server speaks %s', async (_, text) => {
    expect((await checkedRaw((socket) => socket.write(text))).status).toBe('L7RSP')
  })

  it.each([
    ['a ping of another length', frame(6, 0, Buffer.alloc(3))],
    ['a push', frame(5, 4, Buffer.from([0, 0, 0, 2]), 1)],
    ['header lines that are none', frame(1, 5, Buffer.from('ffffff', 'hex'), 1)],
  ])('in time when the server sends %s', async (_, bytes) => {
    const bad = Buffer.concat([SETTINGS, bytes])
    const outcome = await checkedRaw((socket) => socket.write(bad), { timeoutMs: 50 })
    expect(outcome.status).toMatch(/^L7(RSP|TOUT)$/)
  })

  it('when the server ends without an answer', async () => {
    expect(await checkedRaw((socket) => socket.end())).toMatchObject({
      status: 'L7RSP',
      info: 'Incomplete answer',
    })
  })

  it('when the server resets', async () => {
    const outcome = await checkedRaw((socket) =>
      socket.once('data', () => socket.resetAndDestroy()),
    )
    expect(outcome).toMatchObject({ status: 'SOCKERR', info: 'Connection reset by peer' })
  })

  it('when the server floods it', async () => {
    const ping = frame(6, 0, Buffer.alloc(8))
    const outcome = await checkedRaw((socket) => {
      const pour = (): void => {
        while (!socket.destroyed && socket.write(ping));
      }
      socket.write(SETTINGS)
      socket.on('drain', pour)
      pour()
    })
    expect(outcome).toMatchObject({ status: 'L7RSP', info: 'More than 16384 bytes' })
  })

  it('without an outcome when it is cancelled, and leaves nothing open', async () => {
    const server = await startServer(silent)
    servers.push(server)
    const check = checksumOf(server.address, { protocol: { kind: 'grpc', service: '' } })
    const outcomes: ProbeOutcome[] = []
    const context = { engine, clock, timers }
    const own = new Probe(probeTask(check, 1000, EXPECTATIONS), context, (outcome) =>
      outcomes.push(outcome),
    )
    await expect.poll(() => server.open()).toBe(1)
    own.cancel()
    await expect.poll(() => server.open()).toBe(0)
    expect(outcomes).toEqual([])
  })
})

describe('a gRPC check over TLS', () => {
  it('offers h2 and asks for the name', async () => {
    const server = await startGrpcServer((call) => reply(call, healthResponse(1)), good)
    servers.push(server)
    const tls = { ...TLS, alpn: ['http/1.1'] }
    expect(await probe(server.address, 'a', { tls })).toMatchObject({ status: 'L7OK' })
    expect(server.problems).toEqual([])
    expect(server.calls[0]?.headers).toMatchObject({
      ':scheme': 'https',
      ':authority': 'a.example',
    })
  })

  it('does not begin where the server chooses something else', async () => {
    const server = createServer(good)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const outcome = await probe({ kind: 'inet', host: '127.0.0.1', port }, '', { tls: TLS })
    expect(outcome).toMatchObject({ status: 'L6RSP', info: 'HTTP/2 was not chosen by ALPN' })
    server.close()
  })

  it('fails where the certificate does', async () => {
    const other = authority.issue({ names: ['b.example'] })
    const server = await startGrpcServer((call) => reply(call, healthResponse(1)), other)
    servers.push(server)
    expect(await probe(server.address, '', { tls: TLS })).toMatchObject({
      status: 'L6RSP',
      info: 'SSL handshake failure: the certificate is for another name',
    })
    expect(server.calls).toEqual([])
  })
})
