import { expect, it } from 'vitest'
import { startDaemon } from './support/daemon.ts'
import { freePort } from './support/ports.ts'
import { rawExchange } from './support/raw-client.ts'
import { startTcpServer } from './support/tcp-server.ts'

const TRAILERS = [
  'grpc-status: 0',
  'X-Sum: 1',
  'Authorization: Basic eDp5',
  'X-User: forged',
  'X-Internal: forged',
  'X-Answer: forged',
  'X-Client: 10.0.0.1',
  'X-Hop: 1',
  'Set-Cookie: a=b',
]

/** Sizes with blanks behind them, as some servers write them. */
const padded = (trailers: readonly string[], pad: string): string =>
  `5${pad}\r\nhello\r\n0${pad}\r\n${trailers.map((line) => `${line}\r\n`).join('')}\r\n`

it('passes trailers on both ways, but for those that the headers are kept from', async () => {
  let received = ''
  const server = await startTcpServer((socket) => {
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      if (!received.endsWith('\r\n\r\n') || !received.includes('\r\n0\r\n')) return
      const head = 'HTTP/1.1 200 OK\r\nConnection: x-hop\r\nTransfer-Encoding: chunked\r\n\r\n'
      socket.write(head + padded(TRAILERS, '     '))
    })
  })
  const port = await freePort()
  await startDaemon({
    config: {
      defaults: { mode: 'http', option: { forwardfor: { header: 'X-Client' } } },
      frontends: {
        web: {
          bind: `127.0.0.1:${port}`,
          'http-request': ['set-header X-User nobody', 'del-header X-Internal if FALSE'],
          default_backend: 'app',
        },
      },
      backends: {
        app: { 'http-response': ['del-header X-Answer'], servers: { s1: server.address } },
      },
    },
  })
  const head =
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: x-hop\r\nTransfer-Encoding: chunked\r\n\r\n'
  const { text } = await rawExchange(port, head + padded(TRAILERS, ''), {
    until: (seen) => seen.includes('\r\n0\r\n') && seen.endsWith('\r\n\r\n'),
  })
  const kept = padded(TRAILERS.slice(0, 2), '')
  expect(received.slice(received.indexOf('\r\n\r\n') + 4)).toBe(kept)
  expect(text).toMatch(/^HTTP\/1\.1 200 /)
  expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toBe(kept)
})
