import { describe, expect, it } from 'vitest'
import { start } from './session-lab.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const LAST_OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'

function get(path: string | number): string {
  return `GET /${path} HTTP/1.1\r\nHost: a\r\n\r\n`
}

function gets(count: number): string {
  return Array.from({ length: count }, (_, n) => get(n)).join('')
}

describe('requests that a client sends ahead', () => {
  it('are taken up to their bound, in order, and the last answer says that it is the last', () => {
    const { client, connectServer } = start({ httpPipelinedMax: 3 })
    client.receive(gets(5))
    const server = connectServer()
    for (let n = 0; n < 3; n++) server.receive(OK)
    expect(client.written).toBe(OK + OK + LAST_OK)
    expect(client.ended).toBe(true)
    expect(server.written).toBe(gets(3))
  })

  it('are counted over reads that cut them anywhere', () => {
    const { client, connectServer } = start({ httpPipelinedMax: 4 })
    const ahead = gets(9)
    client.receive(ahead.slice(0, 50))
    const server = connectServer()
    server.receive(OK)
    client.receive(ahead.slice(50, 55))
    client.receive(ahead.slice(55))
    for (let n = 0; n < 3; n++) server.receive(OK)
    expect(client.written).toBe(OK + OK + OK + LAST_OK)
    expect(server.written).toBe(gets(4))
  })

  it('do not end the connection when there are as many as may be', () => {
    const { client, connectServer } = start({ httpPipelinedMax: 3 })
    client.receive(gets(3))
    const server = connectServer()
    for (let n = 0; n < 3; n++) server.receive(OK)
    expect(client.written).toBe(OK + OK + OK)
    // Waited for, the client begins another row.
    client.receive(gets(4))
    for (let n = 0; n < 3; n++) server.receive(OK)
    expect(client.written).toBe(OK.repeat(5) + LAST_OK)
  })

  it('are told from those that are sent one by one, and from bodies', () => {
    const { client, connectServer } = start({ httpPipelinedMax: 1 })
    const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n'
    client.receive(get(0))
    const server = connectServer()
    server.receive(OK)
    for (let n = 1; n < 9; n++) {
      client.receive(get(n).slice(0, 9))
      client.receive(get(n).slice(9))
      server.receive(OK)
      client.receive(`${post}ab`)
      client.receive('cd')
      server.receive(OK)
    }
    expect(client.written).toBe(OK.repeat(17))
    client.receive(get(9) + get(10))
    server.receive(OK)
    expect(client.written).toBe(OK.repeat(17) + LAST_OK)
  })

  it('are counted where they are answered at once', () => {
    const answer = 'HTTP/1.1 204 No Content\r\n\r\n'
    const last = 'HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n'
    const plan = { frontend: { httpRequest: ['return status 204'] } }
    const { client } = start({ httpPipelinedMax: 3 }, plan)
    client.receive(gets(3))
    client.receive(gets(2) + get(2).slice(0, 9))
    expect(client.written).toBe(answer.repeat(5))
    client.receive(get(2).slice(9) + gets(3))
    expect(client.written).toBe(answer.repeat(5) + last)
    const another = start({ httpPipelinedMax: 3 }, plan).client
    another.receive(gets(5))
    expect(another.written).toBe(answer.repeat(2) + last)
    expect(another.ended).toBe(true)
  })

  it('are answered to the last, which says so, when the client has ended its side', () => {
    const { client, connectServer } = start()
    client.receive(gets(3))
    client.handler.onEnd(client)
    const server = connectServer()
    for (let n = 0; n < 3; n++) server.receive(OK)
    expect(client.written).toBe(OK + OK + LAST_OK)
    expect(client.ended).toBe(true)
  })

  it('stop the reading until they have been taken', () => {
    const { client, connectServer } = start()
    const head = get('x'.repeat(7000))
    client.receive(head.slice(0, -1))
    expect(client.paused).toBe(false)
    client.receive(`\n${gets(1500)}`)
    expect(client.paused).toBe(true)
    const server = connectServer()
    for (let n = 0; n < 999; n++) {
      server.receive(OK)
      expect(client.paused).toBe(true)
    }
    expect(client.ended).toBe(false)
    server.receive(OK)
    expect([client.ended, client.paused]).toEqual([true, false])
    expect(server.written).toBe(head + gets(999))
  })

  it('are read on when all have been taken', () => {
    const { client, connectServer } = start()
    client.receive(gets(3))
    const server = connectServer()
    expect(client.paused).toBe(true)
    server.receive(OK)
    expect(client.paused).toBe(true)
    server.receive(OK)
    expect(client.paused).toBe(false)
  })
})
