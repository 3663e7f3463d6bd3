import { describe, expect, it, vi } from 'vitest'
import type { PlannedTls } from '../../../../src/model/plan.ts'
import { createAuthority } from '../../../fixtures/certificates.ts'
import { TLS_FACTS } from '../../../fixtures/tls-facts.ts'
import { startAccepting as accepting, MAXCONN, plannedTls } from '../accepting-lab.ts'
import type { FakeConn } from '../fake-network.ts'
import { CLIENT_MS, HTTP_REQUEST_MS } from '../session-lab.ts'
import { clientHello } from './client-hellos.ts'

const HELLO = await clientHello({ servername: 'a.example', ALPNProtocols: ['h2', 'http/1.1'] })
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const SLACK_MS = 200

function startAccepting(mode: 'http' | 'tcp' = 'http', changes = {}, acceptProxy = false) {
  return accepting(mode, acceptProxy, plannedTls(changes))
}

function gone(client: FakeConn): void {
  client.handler.onClose(client, client.destroyed ? 'aborted' : null)
}

describe('a client with TLS', () => {
  it('is served once its handshake is complete, by what it has asked for', () => {
    const { accept, secured, opened, counters } = startAccepting()
    const client = accept()
    client.receive(HELLO)
    const [over] = secured as [FakeConn]
    expect(over.tls).toMatchObject({ serverName: 'a.example', alpn: 'http/1.1' })
    expect(counters()).toEqual({})
    over.handler.onConnect(over)
    over.receive(GET)
    const [server] = opened as [FakeConn]
    server.handler.onConnect(server)
    server.receive(OK)
    expect(over.written).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(client.written).toBe('')
    expect(counters()).toMatchObject({ tlsSessions: 1, connectionsTotal: 1, requestsTotal: 1 })
  })

  it('may send its ClientHello byte by byte, behind a PROXY header too', () => {
    const { accept, secured } = startAccepting('http', {}, true)
    const client = accept()
    for (const byte of `PROXY TCP4 192.0.2.100 192.0.2.200 56324 443\r\n${HELLO}`) {
      expect(secured).toHaveLength(0)
      client.receive(byte)
    }
    expect(secured).toHaveLength(1)
    expect(secured[0]?.remote.address).toBe('192.0.2.100')
  })

  it('that resumes a session is counted', () => {
    const { accept, secured, counters } = startAccepting()
    accept().receive(HELLO)
    const [over] = secured as [FakeConn]
    over.tls = { ...(over.tls as NonNullable<typeof over.tls>), isResumed: true }
    over.handler.onConnect(over)
    expect(counters()).toMatchObject({ tlsSessions: 1, tlsResumed: 1 })
  })

  it('that speaks none of the protocols goes on without', async () => {
    const { accept, secured } = startAccepting()
    accept().receive(await clientHello({ ALPNProtocols: ['h2'] }))
    expect(secured[0]?.tls).toMatchObject({ alpn: null, serverName: null })
  })

  it('gets the first protocol of the bind that it speaks', () => {
    const { accept, secured } = startAccepting('tcp', { alpn: ['x', 'http/1.1', 'h2'] })
    accept().receive(HELLO)
    expect(secured[0]?.tls?.alpn).toBe('http/1.1')
  })
})

describe('a handshake that fails', () => {
  it.each([
    ['nothing and leaves', '', 'end', 'Connection closed during SSL handshake'],
    ['a part and leaves', HELLO.slice(0, 9), 'end', 'Connection closed during SSL handshake'],
    ['a part and resets', HELLO.slice(0, 9), 'reset', 'Connection error during SSL handshake'],
    ['junk', 'junk', 'nothing', 'SSL handshake failure'],
    ['a bad record', '\x16\x03\x01\x00\x05junkj', 'nothing', 'SSL handshake failure'],
  ])('is counted and logged when the client sends %s', (_, text, then, reason) => {
    for (const mode of ['http', 'tcp'] as const) {
      const { accept, lines, counters, counted, secured } = startAccepting(mode)
      const client = accept()
      if (text !== '') client.receive(text)
      if (then === 'end') client.handler.onEnd(client)
      if (then === 'reset') client.handler.onClose(client, 'reset')
      expect(lines).toEqual([`1: ${reason}`])
      expect(counters()).toEqual({ tlsFailures: 1 })
      expect([client.destroyed, client.written]).toEqual([true, ''])
      expect(counted()).toEqual([0, 0])
      gone(client)
      expect([counted(), secured]).toEqual([[0, 0], []])
    }
  })

  it('is given up after its time, in whatever part of it', () => {
    for (const [mode, ms] of [
      ['http', HTTP_REQUEST_MS],
      ['tcp', CLIENT_MS],
    ] as const) {
      const { accept, pass, lines, secured, counted } = startAccepting(mode)
      const [silent, slow, stuck] = [accept(), accept(), accept()]
      stuck.receive(HELLO)
      for (let i = 0; i < 9; i++) {
        slow.receive(HELLO[i] as string)
        pass(ms / 10)
      }
      expect([silent.destroyed, slow.destroyed, secured[0]?.destroyed]).toEqual([
        false,
        false,
        false,
      ])
      pass(ms / 10 + SLACK_MS)
      expect([silent.destroyed, slow.destroyed, secured[0]?.destroyed]).toEqual([true, true, true])
      expect(lines).toEqual(Array(3).fill('1: Timeout during SSL handshake'))
      expect(counted()).toEqual([0, 0])
    }
  })

  it('is not logged with dontlognull where nothing has come, but counted', () => {
    const { accept, lines, secured, counters } = accepting('http', false, plannedTls(), true)
    for (const [sent, logged] of [
      ['', 0],
      [HELLO.slice(0, 9), 1],
      [HELLO, 2],
    ] as const) {
      const client = accept()
      if (sent !== '') client.receive(sent)
      const last = sent === HELLO ? (secured[0] as FakeConn) : client
      last.handler.onClose(last, null)
      expect(lines).toHaveLength(logged)
    }
    expect(counters()).toEqual({ tlsFailures: 3 })
  })

  it('costs one place for as long as it takes', () => {
    const { accept, isAccepting } = startAccepting()
    const clients = Array.from({ length: MAXCONN }, accept)
    expect(isAccepting()).toBe(false)
    clients[0]?.receive(HELLO)
    expect(isAccepting()).toBe(false)
    clients[1]?.receive('junk')
    expect(isAccepting()).toBe(true)
  })

  it.each([GET, 'P', 'CONNECT a:1 HTTP/1.1\r\n\r\n'])('as it is HTTP is answered: %j', (text) => {
    const { accept, lines, counters, counted, pass } = startAccepting()
    const client = accept()
    client.receive(text)
    expect(client.written).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*This port speaks HTTPS/)
    expect([client.ended, client.destroyed, counted()]).toEqual([true, false, [1, 1]])
    expect([lines, counters()]).toEqual([['1: SSL handshake failure'], { tlsFailures: 1 }])
    pass(CLIENT_MS)
    expect(client.destroyed).toBe(true)
    gone(client)
    expect(counted()).toEqual([0, 0])
  })

  it('for want of a certificate says so with strict-sni', async () => {
    const { accept, secured, counters } = startAccepting('http', { strictSni: true })
    const known = accept()
    known.receive(HELLO)
    expect(secured).toHaveLength(1)
    for (const options of [{ servername: 'b.example' }, {}]) {
      const client = accept()
      client.receive(await clientHello(options))
      expect(client.written).toBe('\x15\x03\x03\x00\x02\x02\x70')
      expect(client.ended).toBe(true)
      gone(client)
    }
    expect(counters()).toEqual({ tlsFailures: 2 })
  })
})

describe('a drain', () => {
  it('gives handshakes a second, and asks who completes one to finish', () => {
    const { accept, secured, dataPlane, pass } = startAccepting()
    const onDrained = vi.fn()
    const [silent, late] = [accept(), accept()]
    late.receive(HELLO)
    dataPlane.drain(onDrained)
    const [over] = secured as [FakeConn]
    over.handler.onConnect(over)
    pass(1000 + SLACK_MS)
    expect([silent.destroyed, over.destroyed]).toEqual([true, true])
    gone(silent)
    expect(onDrained).not.toHaveBeenCalled()
    gone(over)
    expect(onDrained).toHaveBeenCalledTimes(1)
  })

  it('and a cut is nobody’s fault', () => {
    const { accept, dataPlane, lines, counters } = startAccepting()
    const client = accept()
    dataPlane.cut()
    expect([client.destroyed, lines, counters()]).toEqual([true, [], {}])
  })
})

describe('a client whose certificate is not accepted', () => {
  const clients: PlannedTls['clients'] = {
    verify: 'required',
    ignoresCertificateErrors: false,
    ignoresAuthorityErrors: false,
    authorities: { caFile: '/ca.pem', pem: createAuthority().cert },
    revocations: null,
  }
  const REASON = 'SSL client certificate not trusted (the certificate has expired)'

  /** It has completed its handshake, and says what OpenSSL has against it. */
  function comeIn(mode: 'http' | 'tcp', verification: number, alpn: string | null = null) {
    const lab = startAccepting(mode, { clients })
    lab.accept().receive(HELLO)
    const [over] = lab.secured as [FakeConn]
    const shown = { der: Buffer.alloc(1), sha1: '', fields: null }
    over.tls = { ...TLS_FACTS, peerCertificate: shown, verification, alpn }
    over.handler.onConnect(over)
    over.receive(GET)
    return { ...lab, over }
  }

  it('is told why in mode http, counted and logged, and nothing goes on', () => {
    for (const alpn of [null, 'http/1.1']) {
      const { over, lines, counters, opened } = comeIn('http', 10, alpn)
      expect(over.written).toMatch(/^HTTP\/1\.1 400 .*has expired\n$/s)
      expect([over.ended, opened, lines]).toEqual([true, [], [`1: ${REASON}`]])
      expect(counters()).toEqual({ tlsFailures: 1 })
    }
  })

  it('is closed where it speaks something else', () => {
    for (const [mode, alpn] of [
      ['tcp', null],
      ['http', 'h2'],
    ] as const) {
      const { over, lines, opened } = comeIn(mode, 10, alpn)
      expect([over.written, over.ended, opened]).toEqual(['', true, []])
      expect(lines).toEqual([`1: ${REASON}`])
    }
  })

  it('gives its place back when it is gone', () => {
    const { over, counted, pass } = comeIn('http', 10)
    expect(counted()).not.toEqual([0, 0])
    pass(CLIENT_MS)
    expect(over.destroyed).toBe(true)
    gone(over)
    expect(counted()).toEqual([0, 0])
  })

  it('is served where nothing is wrong', () => {
    const { opened, counters } = comeIn('http', 0)
    expect(opened).toHaveLength(1)
    expect(counters()).toMatchObject({ tlsSessions: 1 })
  })
})
