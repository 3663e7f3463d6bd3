import { describe, expect, it } from 'vitest'
import { CLIENT_MS, start } from './session-lab.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

function get(path: string | number): string {
  return `GET /${path} HTTP/1.1\r\nHost: a\r\n\r\n`
}

describe('a request head that comes slowly', () => {
  it('is parsed once a line, and not once a byte', () => {
    const { client, connectServer, parsing } = start()
    const lines = ['GET / HTTP/1.1', 'Host: a', 'A: b', `C: ${'d'.repeat(15_000)}`, '', '']
    const text = lines.join('\r\n')
    for (const byte of text) client.receive(byte)
    // The first byte, five lines, and the longest request line reached.
    expect(parsing).toHaveBeenCalledTimes(7)
    expect(connectServer().written).toBe(text)
  })

  it('is parsed anew behind requests that were sent ahead', () => {
    const { client, connectServer, parsing } = start()
    client.receive(get(0) + get(1).slice(0, 9))
    const server = connectServer()
    server.receive(OK)
    parsing.mockClear()
    for (const byte of get(1).slice(9)) client.receive(byte)
    expect(parsing).toHaveBeenCalledTimes(3)
    expect(server.written).toBe(get(0) + get(1))
  })

  it.each([
    [400, 'GET / HTTP/1.1\r\nHost : a\r\n\r\n'],
    [400, 'GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET / HTTP/1.1\nHost: a\r\n\r\n'],
    [400, 'GET / HTTP/1.1\r\nHost: a\rB: c\r\n\r\n'],
    [400, 'GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n d\r\n\r\n'],
    [400, '\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    [400, 'GET / HTTP/1.1\r\n\r\n'],
    [405, 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n'],
    [501, 'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n'],
    [505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ])('is refused with %i however it is cut: %j', (status, text) => {
    const cuts = Array.from({ length: text.length - 1 }, (_, n) => [n + 1])
    const everywhere = cuts.flat()
    for (const places of [[], ...cuts, everywhere]) {
      const { client, engine } = start()
      let from = 0
      for (const place of [...places, text.length]) {
        client.receive(text.slice(from, place))
        from = place
      }
      expect(client.written.slice(0, 12), `cut at ${places}`).toBe(`HTTP/1.1 ${status}`)
      expect(client.ended).toBe(true)
      expect(engine.opened).toHaveLength(0)
    }
  })

  it.each([
    [414, 'GET /', 'x', 8194],
    [431, 'GET / HTTP/1.1\r\nHost: a\r\nX: ', 'x', 15_360],
    [501, '', 'X', 8194],
  ])('is refused with %i at its bound: %j and on', (status, begin, byte, bytesMax) => {
    const { client } = start()
    client.receive(begin)
    for (let sent = begin.length; sent < bytesMax; sent++) {
      expect(client.written, `after ${sent} bytes`).toBe('')
      client.receive(byte)
    }
    expect(client.written.slice(0, 12)).toBe(`HTTP/1.1 ${status}`)
  })

  it('has its bounds from the config', () => {
    const tuned = { httpRequestLineBytesMax: 40, bufsizeBytes: 1224, httpMaxhdr: 2 }
    const refusals = [
      get('x'.repeat(40)),
      `${get(1).slice(0, -2)}X: ${'x'.repeat(200)}\r\n\r\n`,
      `${get(1).slice(0, -2)}X: \r\nY: \r\n\r\n`,
    ].map((text) => {
      const { client } = start(tuned)
      for (const byte of text) client.receive(byte)
      return client.written.slice(9, 12)
    })
    expect(refusals).toEqual(['414', '431', '431'])
  })

  it('is answered with 408 once its time is over, whatever came of it', () => {
    const { client, pass } = start()
    for (const byte of get(1).slice(0, -1)) client.receive(byte)
    pass(CLIENT_MS)
    expect(client.written.slice(0, 12)).toBe('HTTP/1.1 408')
  })
})
