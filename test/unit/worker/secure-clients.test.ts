import { expect, it } from 'vitest'
import { NO_SCOPE } from '../../../src/rules/rule-scope.ts'
import { sessionFacts } from '../../../src/worker/clients/tcp-session.ts'
import { TLS_FACTS } from '../../fixtures/tls-facts.ts'
import type { FakeConn } from './fake-network.ts'
import { start } from './session-lab.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
const FORWARDED = { proto: true, host: false, by: false, byPort: false, for: false, forPort: false }

it.each([TLS_FACTS, null])('whether a client uses TLS is a fact of its connection: %o', (tls) => {
  const { connectClient, connectServer } = start(
    {},
    {
      frontend: {
        forwarded: FORWARDED,
        httpRequest: [
          'set-header X-Forwarded-Proto https if { ssl_fc }',
          'set-header X-Forwarded-Proto http unless { ssl_fc }',
        ],
        httpResponse: ['set-header X-Secure %[ssl_fc]'],
      },
    },
  )
  const client = connectClient()
  client.tls = tls
  client.receive(GET)
  const server = connectServer()
  const scheme = tls !== null ? 'https' : 'http'
  expect(server.written).toContain(`\r\nX-Forwarded-Proto: ${scheme}\r\n`)
  expect(server.written).toContain(`\r\nForwarded: proto=${scheme}\r\n`)
  server.receive(OK)
  expect(client.written).toContain(`\r\nX-Secure: ${tls === null ? 0 : 1}\r\n`)
  expect(sessionFacts(client, 'web', NO_SCOPE).tls).toBe(tls)
})

it('a connection beside it is told of by its own', () => {
  const { client, connectClient, connectServer } = start(
    {},
    { frontend: { httpRequest: ['set-header X-Secure %[ssl_fc]'] } },
  )
  const secure: FakeConn = connectClient()
  secure.tls = TLS_FACTS
  for (const [conn, fact] of [
    [client, 0],
    [secure, 1],
  ] as const) {
    conn.receive(GET)
    const server = connectServer()
    expect(server.written).toContain(`\r\nX-Secure: ${fact}\r\n`)
    server.receive(OK)
  }
})
