import type { Socket } from 'node:net'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { smtpProbe } from '../../../src/config/values/probe-steps.ts'
import { Probe, type ProbeOutcome } from '../../../src/health/probe.ts'
import { Expectations } from '../../../src/health/probes/expectation-match.ts'
import { probeTask } from '../../../src/health/probes/probe-task.ts'
import type { ProbeConfig } from '../../../src/model/config.ts'
import type { PlannedOutgoingTls } from '../../../src/model/plan.ts'
import type {
  ConnectStep,
  ProbeStep,
  ProbeTlsConfig,
  StepProbeConfig,
} from '../../../src/model/probe-protocol.ts'
import { createNodeEngine } from '../../../src/net/engines/node/node-engine.ts'
import { RunningTimers } from '../../../src/net/running-timers.ts'
import { ClientTlsContexts } from '../../../src/net/tls/client-tls.ts'
import { linearPatterns } from '../../../src/rules-host/linear-patterns.ts'
import { createAuthority, selfSigned } from '../../fixtures/certificates.ts'
import { outgoingTls } from '../../fixtures/outgoing-tls.ts'
import {
  type CheckedServer,
  checksumOf,
  connectStep,
  HTTP_CHECK,
  silent,
  startServer,
} from './check-servers.ts'

const EXPECTATIONS = new Expectations(linearPatterns)

const engine = createNodeEngine({ onAcceptFailure: () => {} })
const contexts = new ClientTlsContexts()
const authority = createAuthority()
const good = authority.issue({ names: ['a.example'] })
const servers: CheckedServer[] = []

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

/** A server whose connections are taken over TLS once what comes before is read. */
async function startTls(
  options: TlsOptions,
  behaviour: (socket: TLSSocket) => void,
  headerPattern: RegExp | null = null,
): Promise<CheckedServer & { readonly headers: string[] }> {
  const headers: string[] = []
  const tls = createServer(options, behaviour)
  tls
    .on('tlsClientError', () => {})
    .on('secureConnection', (socket) => socket.on('error', () => {}))
  const server = await startServer((socket) => {
    if (headerPattern === null) tls.emit('connection', socket)
    else takeHeader(socket, headerPattern, headers, () => tls.emit('connection', socket))
  })
  servers.push(server)
  return { ...server, headers }
}

/** Reads a PROXY header of version 1, byte by byte so that nothing of TLS is taken. */
function takeHeader(socket: Socket, pattern: RegExp, headers: string[], then: () => void): void {
  let header = ''
  const onReadable = (): void => {
    for (let byte = socket.read(1); byte !== null; byte = socket.read(1)) {
      header += (byte as Buffer).toString('latin1')
      if (!pattern.test(header)) continue
      socket.off('readable', onReadable)
      headers.push(header)
      then()
      return
    }
  }
  socket.on('readable', onReadable)
}

const TLS: ProbeTlsConfig = {
  isDefault: true,
  serverName: 'a.example',
  alpn: [],
}

function probe(
  check: ProbeConfig,
  connectTimeoutMs = 5000,
  changes: Partial<PlannedOutgoingTls> = {},
): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    const clock = (): number => performance.now()
    const tls = outgoingTls(authority.cert, changes)
    const secure = { ...tls, context: contexts.of(tls).context }
    const task = probeTask(check, connectTimeoutMs, EXPECTATIONS, secure)
    new Probe(task, { engine, clock, timers: new RunningTimers(clock) }, resolve)
  })
}

const WELL = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
const answering = (socket: TLSSocket): void => void socket.on('data', () => socket.end(WELL))

function steps(...all: ProbeStep[]): StepProbeConfig {
  return { kind: 'steps', steps: all }
}

const heard: ProbeStep = {
  kind: 'expect',
  expectation: { kind: 'string', negated: false, text: 'hello' },
  bytesMin: null,
  comment: '',
  failure: 'L7RSP',
}

describe('a check over TLS', () => {
  it('passes when the handshake is complete', async () => {
    const { address } = await startTls(good, () => {})
    expect(await probe(checksumOf(address, { tls: TLS }))).toMatchObject({
      status: 'L6OK',
      info: '',
      code: 0,
    })
  })

  it('speaks HTTP within it, and offers protocols', async () => {
    const chosen: unknown[] = []
    const { address } = await startTls({ ...good, ALPNProtocols: ['http/1.1'] }, (socket) => {
      chosen.push(socket.alpnProtocol, socket.servername)
      answering(socket)
    })
    const tls = { ...TLS, alpn: ['http/1.1'] }
    const outcome = await probe(checksumOf(address, { tls, protocol: HTTP_CHECK }))
    expect(outcome).toMatchObject({ status: 'L7OK', code: 200, info: 'OK' })
    expect(chosen).toEqual(['http/1.1', 'a.example'])
  })

  it('goes through steps within it', async () => {
    const { address } = await startTls(good, (socket) => {
      socket.write('220 mail\r\n')
      socket.on('data', () => socket.write('250 fine\r\n'))
    })
    const outcome = await probe(checksumOf(address, { tls: TLS, protocol: smtpProbe('HELO a') }))
    expect(outcome).toMatchObject({ status: 'L7OK' })
  })

  it('asks a database within it', async () => {
    const { address } = await startTls(good, (socket) => {
      socket.once('data', () => socket.write(Buffer.from('520000000800000003', 'hex')))
    })
    const protocol = { kind: 'postgresql', user: 'lb' } as const
    expect(await probe(checksumOf(address, { tls: TLS, protocol }))).toMatchObject({
      status: 'L7OK',
    })
  })

  it.each([
    ['a connection alone', null, 'L6OK'],
    ['a conversation', HTTP_CHECK, 'L7OK'],
  ])('begins with the PROXY header for %s', async (_, protocol, status) => {
    const server = await startTls(good, answering, /\r\n$/)
    const outcome = await probe(checksumOf(server.address, { tls: TLS, protocol, sendProxy: 1 }))
    expect(outcome.status).toBe(status)
    expect(server.headers).toEqual([expect.stringMatching(/^PROXY TCP4 127\.0\.0\.1 /)])
  })

  it.each([
    ['has expired', authority.issue({ names: ['a.example'], validUntilDays: -0.5 })],
    ['is for another name', authority.issue({ names: ['b.example'] })],
    ['is self-signed', selfSigned({ names: ['a.example'] })],
    ['is of an unknown authority', createAuthority('Other').issue({ names: ['a.example'] })],
  ])('fails when the certificate %s, unless it is not verified', async (why, certificate) => {
    const { address } = await startTls(certificate, answering)
    expect(await probe(checksumOf(address, { tls: TLS, protocol: HTTP_CHECK }))).toMatchObject({
      status: 'L6RSP',
      info: `SSL handshake failure: the certificate ${why}`,
    })
    const check = checksumOf(address, { tls: TLS, protocol: HTTP_CHECK })
    const trusting = await probe(check, 5000, { verify: false, authorities: null })
    expect(trusting).toMatchObject({ status: 'L7OK' })
  })

  it.each<[string, (socket: Socket) => void, string]>([
    ['speaks no TLS', (socket) => socket.end('220 mail\r\n'), 'what came is not TLS'],
    ['ends', (socket) => socket.end(), 'closed during the handshake'],
    [
      'resets',
      (socket) => socket.once('data', () => socket.resetAndDestroy()),
      'closed during the handshake',
    ],
  ])('fails when the server %s', async (_, behaviour, info) => {
    const server = await startServer(behaviour)
    servers.push(server)
    expect(await probe(checksumOf(server.address, { tls: TLS }))).toMatchObject({
      status: 'L6RSP',
      info: `SSL handshake failure: ${info}`,
    })
  })

  it('gives up a handshake in the time that a connection has', async () => {
    const server = await startServer(silent)
    servers.push(server)
    const outcome = await probe(checksumOf(server.address, { tls: TLS }), 30)
    expect(outcome).toMatchObject({ status: 'L6TOUT' })
  })

  it('times out in the conversation, and is a socket error there', async () => {
    const late = await startTls(good, () => {})
    const check = { tls: TLS, protocol: HTTP_CHECK }
    expect(await probe(checksumOf(late.address, { ...check, timeoutMs: 30 }))).toMatchObject({
      status: 'L7TOUT',
    })
    const raw: Socket[] = []
    const tls = createServer(good, (socket) => socket.on('error', () => {}))
    tls.on('secureConnection', (socket) => socket.once('data', () => raw[0]?.resetAndDestroy()))
    const server = await startServer((socket) => {
      raw.push(socket)
      tls.emit('connection', socket)
    })
    servers.push(server)
    expect(await probe(checksumOf(server.address, check))).toMatchObject({ status: 'SOCKERR' })
  })
})

describe('a connection that tcp-check opens', () => {
  const hello = (socket: Socket): void => void socket.write('hello')

  it.each<[string, Partial<ConnectStep> | null, boolean]>([
    ['by itself', null, true],
    ['by default', { isDefault: true }, true],
    ['in its own way', {}, false],
    ['with TLS of its own', { tls: { serverName: null, alpn: [] } }, true],
  ])('%s is as the step says', async (_, changes, isSecure) => {
    const secure = await startTls(good, hello)
    const plain = await startServer(hello)
    servers.push(plain)
    const first = changes === null ? [] : [connectStep(changes)]
    const protocol = steps(...first, heard)
    const { address } = isSecure ? secure : plain
    const tls = { ...TLS, isDefault: true }
    expect(await probe(checksumOf(address, { tls, protocol }))).toMatchObject({ status: 'L7OK' })
  })

  it('is plain behind one over TLS, and the other way round', async () => {
    const secure = await startTls(good, hello)
    const plain = await startServer(hello)
    servers.push(plain)
    const portOf = ({ address }: CheckedServer): number => (address as { port: number }).port
    const own = { serverName: 'a.example', alpn: [] }
    const protocol = steps(
      connectStep({ port: portOf(plain) }),
      heard,
      connectStep({ port: portOf(secure), tls: own }),
      heard,
      connectStep({ port: portOf(plain) }),
      heard,
      connectStep({ port: portOf(secure), isDefault: true }),
    )
    const check = checksumOf(plain.address, { tls: TLS, protocol })
    expect(await probe(check)).toMatchObject({ status: 'L7OK' })
    const unasked = { ...TLS, isDefault: false }
    const last = steps(
      connectStep({ port: portOf(plain) }),
      connectStep({ port: portOf(secure), tls: own }),
    )
    const opened = await probe(checksumOf(plain.address, { tls: unasked, protocol: last }))
    expect(opened).toMatchObject({ status: 'L6OK' })
  })

  it('has a name and protocols of its own', async () => {
    const seen: unknown[] = []
    const both = authority.issue({ names: ['a.example', 'b.example'] })
    const { address } = await startTls({ ...both, ALPNProtocols: ['x', 'y'] }, (socket) => {
      seen.push([socket.servername, socket.alpnProtocol])
      socket.write('hello')
    })
    const tls = { ...TLS, alpn: ['x'] }
    for (const own of [
      { serverName: null, alpn: [] },
      { serverName: 'b.example', alpn: ['y'] },
    ]) {
      const protocol = steps(connectStep({ tls: own }), heard)
      expect(await probe(checksumOf(address, { tls, protocol }))).toMatchObject({ status: 'L7OK' })
    }
    expect(seen).toEqual([
      ['a.example', 'x'],
      ['b.example', 'y'],
    ])
  })

  it.each<[string, Partial<ConnectStep>, boolean]>([
    ['as the server says, by default', { isDefault: true }, true],
    ['none otherwise', {}, false],
    ['its own', { sendProxy: true }, true],
  ])('has a PROXY header: %s', async (_, changes, isSent) => {
    let text = ''
    const server = await startServer((socket) => {
      socket.on('data', (data) => {
        text += data.toString('latin1')
        if (text.endsWith('x')) socket.write('hello')
      })
    })
    servers.push(server)
    const protocol = steps(connectStep(changes), { kind: 'send', bytes: 'x' }, heard)
    const outcome = await probe(checksumOf(server.address, { sendProxy: 1, protocol }))
    expect(outcome.status).toBe('L7OK')
    expect(text.startsWith('PROXY ')).toBe(isSent)
  })
})
