import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { type ConnectionOptions, connect, type SecureVersion, TLSSocket } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { TicketKeys } from '../../../../src/model/bind-tls.ts'
import type { PlannedCertificate, PlannedTls } from '../../../../src/model/plan.ts'
import { readClientHello } from '../../../../src/net/tls/client-hello.ts'
import { BindTls, ServerContexts } from '../../../../src/worker/accept/server-contexts.ts'
import { createAuthority } from '../../../fixtures/certificates.ts'
import { plannedTls } from '../accepting-lab.ts'

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const
const LIFETIME_MS = 300_000
const authority = createAuthority()
const [A, B] = [certificateFor('a.example'), certificateFor('b.example')] as const
const RENEWED = certificateFor('a.example')

function certificateFor(name: string): PlannedCertificate {
  const { cert, key } = authority.issue({ names: [name] })
  return { path: `/${name}`, chain: cert, key, names: [name], keyType: 'ec', notAfterMs: 0 }
}

/** Nobody is turned away, so that a session may begin. */
const CLIENTS: PlannedTls['clients'] = {
  verify: 'optional',
  ignoresCertificateErrors: false,
  ignoresAuthorityErrors: false,
  authorities: { caFile: '/ca.pem', pem: authority.cert },
  revocations: null,
}

const key = (): Uint8Array => new Uint8Array(randomBytes(48))

function keysOf(...opening: readonly Uint8Array[]): TicketKeys {
  return { sealing: opening[1] as Uint8Array, opening }
}

function bindOf(contexts: ServerContexts, changes: Partial<PlannedTls> = {}): BindTls {
  return new BindTls({ ...plannedTls(), certificates: [A, B], ...changes }, contexts)
}

/** Serves a bind whose contexts may be exchanged. */
async function serve(bind: BindTls): Promise<{ readonly port: number; bind: BindTls }> {
  const served = { port: 0, bind }
  const server = createServer((socket) => {
    socket.once('data', (data) => {
      socket.pause()
      socket.unshift(data)
      const reading = readClientHello(data, data.length)
      if (reading.outcome !== 'complete') throw new Error(reading.outcome)
      const settings = served.bind.settingsFor(reading.hello)
      if (settings === null) throw new Error('no certificate')
      const tls = new TLSSocket(socket, { isServer: true, secureContext: settings.context })
      tls.on('error', () => {})
      tls.end('x')
    })
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
  })
  served.port = (server.address() as AddressInfo).port
  return served
}

interface Visit {
  readonly isResumed: boolean
  /** The last that it was given; null: none. */
  readonly session: Buffer | null
}

/** One handshake of a client. */
async function visit(
  { port }: { readonly port: number },
  maxVersion: SecureVersion,
  options: ConnectionOptions = {},
): Promise<Visit> {
  const servername = 'a.example'
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername,
    rejectUnauthorized: false,
    maxVersion,
    ...options,
  })
  let session: Buffer | null = null
  socket.on('session', (given: Buffer) => {
    session = given
  })
  let isResumed = false
  socket.on('secureConnect', () => {
    isResumed = socket.isSessionReused()
  })
  socket.resume()
  await once(socket, 'close')
  return { isResumed, session }
}

/** Whether a session that begins at one bind goes on at another. */
async function goesOn(from: BindTls, to: BindTls, maxVersion: SecureVersion): Promise<boolean> {
  const server = await serve(from)
  const { session } = await visit(server, maxVersion)
  server.bind = to
  const { isResumed } = await visit(server, maxVersion, { session: session as Buffer })
  return isResumed
}

describe.each(VERSIONS)('sessions of %s', (version) => {
  it('go on by every key that is kept, and no longer', async () => {
    const keys = [key(), key()]
    const contexts = new ServerContexts(keysOf(...keys), LIFETIME_MS, null)
    const server = await serve(bindOf(contexts))
    const first = await visit(server, version)
    const session = first.session as Buffer
    const resumed: boolean[] = []
    for (let rotation = 0; rotation < 4; rotation++) {
      resumed.push((await visit(server, version, { session })).isResumed)
      keys.unshift(key())
      contexts.renewTicketKeys(keysOf(...keys.slice(0, 4)))
    }
    expect([first.isResumed, ...resumed]).toEqual([false, true, true, true, false])
  })

  it('that begin after a rotation outlive those of the key before', async () => {
    const [next, sealing, old] = [key(), key(), key()]
    const contexts = new ServerContexts(keysOf(sealing, old), LIFETIME_MS, null)
    const server = await serve(bindOf(contexts))
    const before = (await visit(server, version)).session as Buffer
    contexts.renewTicketKeys(keysOf(next, sealing, old))
    const after = (await visit(server, version)).session as Buffer
    contexts.renewTicketKeys(keysOf(key(), next, sealing))
    expect((await visit(server, version, { session: after })).isResumed).toBe(true)
    expect((await visit(server, version, { session: before })).isResumed).toBe(false)
  })

  it('go on in another thread, another plan and with a renewed certificate', async () => {
    const keys = keysOf(key(), key())
    const contexts = (): ServerContexts => new ServerContexts(keys, LIFETIME_MS, null)
    const one = contexts()
    const from = bindOf(one)
    expect(await goesOn(from, bindOf(contexts()), version)).toBe(true)
    expect(await goesOn(from, bindOf(new ServerContexts(keys, LIFETIME_MS, one)), version)).toBe(
      true,
    )
    const renewed = bindOf(contexts(), { certificates: [RENEWED, B] })
    expect(await goesOn(from, renewed, version)).toBe(true)
  })

  it('go on nowhere else: not under other names, and not where other terms hold', async () => {
    const contexts = new ServerContexts(keysOf(key(), key()), LIFETIME_MS, null)
    const from = bindOf(contexts)
    const others: Partial<PlannedTls>[] = [
      { certificates: [B] },
      { certificates: [{ ...A, names: ['a.example', 'b.example'] }] },
      { curves: 'P-256' },
      { preferClientCiphers: true },
      { hasTickets: false },
      { clients: CLIENTS },
    ]
    for (const changes of others) {
      const isResumed = await goesOn(from, bindOf(contexts, changes), version)
      expect([changes, isResumed]).toEqual([changes, false])
    }
    const asked = bindOf(contexts, { clients: CLIENTS })
    for (const changes of [
      { verify: 'required' as const },
      { ignoresCertificateErrors: true },
      { ignoresAuthorityErrors: true },
      { authorities: { caFile: '/ca.pem', pem: createAuthority().cert } },
    ]) {
      const to = bindOf(contexts, { clients: { ...CLIENTS, ...changes } })
      expect([changes, await goesOn(asked, to, version)]).toEqual([changes, false])
    }
    expect(await goesOn(asked, from, version)).toBe(false)
    expect(await goesOn(asked, bindOf(contexts, { clients: CLIENTS }), version)).toBe(true)
    const server = await serve(from)
    const session = (await visit(server, version)).session as Buffer
    const elsewhere = { session, servername: 'b.example' }
    expect((await visit(server, version, elsewhere)).isResumed).toBe(false)
    expect((await visit(server, version, { session })).isResumed).toBe(true)
  })
})

it('makes a context once for each key that is in use, and keeps it over plans', () => {
  const [next, sealing, old] = [key(), key(), key()]
  const nameOf = (of: Uint8Array): string => Buffer.from(of.subarray(0, 16)).toString('latin1')
  const hello = {
    version: 0x303,
    serverName: 'a.example',
    alpn: [],
    ticketKeyNames: [] as string[],
  }
  const contexts = new ServerContexts(keysOf(next, sealing, old), LIFETIME_MS, null)
  const bind = bindOf(contexts)
  const contextOf = (of: BindTls, ...ticketKeyNames: string[]): unknown =>
    of.settingsFor({ ...hello, ticketKeyNames })?.context
  const first = contextOf(bind)
  expect(contextOf(bind, nameOf(sealing))).toBe(first)
  expect(contextOf(bind, 'unknown', '')).toBe(first)
  const older = contextOf(bind, 'unknown', nameOf(old))
  expect(older).not.toBe(first)
  contexts.renewTicketKeys(keysOf(key(), next, sealing))
  expect(contextOf(bind, nameOf(sealing))).toBe(first)
  expect([first, older]).not.toContain(contextOf(bind, nameOf(old)))
  const successor = new ServerContexts(keysOf(key(), next, sealing), LIFETIME_MS, contexts)
  expect(contextOf(bindOf(successor), nameOf(sealing))).toBe(first)
})
