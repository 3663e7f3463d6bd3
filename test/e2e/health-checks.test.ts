import { describe, expect, it } from 'vitest'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { httpClient } from './support/http-client.ts'
import { startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { startTcpServer } from './support/tcp-server.ts'
import { until } from './support/waiting.ts'

interface Setup {
  readonly daemon: Daemon
  readonly port: number
}

const INTERVALS = { check: true, inter: '100ms', rise: 1, fall: 2 }

/** A daemon with one frontend to backend `app`. */
async function startChecked(backends: Readonly<Record<string, unknown>>): Promise<Setup> {
  const port = await freePort()
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 2, log: { access: 'off' } },
      defaults: { mode: 'http', 'default-server': INTERVALS },
      frontends: { web: { bind: `127.0.0.1:${port}`, default_backend: 'app' } },
      backends,
    },
  })
  return { daemon, port }
}

describe('option httpchk', () => {
  it('judges the body, and sends headers and a body of its own', async () => {
    let state = 'all is well'
    const requests = new Set<string>()
    const server = await startHttpServer({
      name: 's1',
      answer: ({ method, headers, body }, response) => {
        requests.add(`${method} ${headers['x-check']} ${body.toString()}`)
        response.end(state)
      },
    })
    const { daemon } = await startChecked({
      app: {
        option: {
          httpchk: {
            method: 'POST',
            host: 'app.example',
            headers: { 'X-Check': 'yes' },
            body: 'how are you?',
            expect: ['status 200', 'string well', '! rstring not +well'],
          },
        },
        servers: { s1: server.address },
      },
    })
    await until('a check', () => requests.size > 0 || undefined)
    state = 'all is not well'
    const down = await daemon.event('server-down')
    expect(down['server']).toBe('app/s1')
    expect(JSON.stringify(down)).toContain("Unwanted match of ! rstring 'not +well'")
    state = 'it is well again'
    expect(await daemon.event('server-up')).toMatchObject({ server: 'app/s1' })
    state = 'dead'
    const again = await daemon.event('server-down', daemon.log.indexOf(down) + 1)
    expect(JSON.stringify(again)).toContain("No match of string 'well'")
    expect(requests).toEqual(new Set(['POST yes how are you?']))
  })
})

describe('option tcp-check', () => {
  it('goes through its steps, on two ports', async () => {
    let greeting = 'hello'
    const heard = new Set<string>()
    const first = await startTcpServer((socket) => {
      socket.write(greeting)
      socket.on('data', (data) => heard.add(data.toString()))
    })
    const second = await startTcpServer((socket) => {
      socket.on('data', () => socket.end(Buffer.from('00ff', 'hex')))
    })
    const { daemon } = await startChecked({
      app: {
        option: { 'tcp-check': true },
        'tcp-check': [
          'connect',
          'comment the greeting',
          'expect string hello',
          'send I am a\\ check\\r\\n',
          `connect port ${second.port}`,
          'send-binary 0102',
          'expect binary 00FF',
        ],
        servers: { s1: first.address },
      },
    })
    await until('a check', () => (second.sockets.length > 1 && heard.size > 0) || undefined)
    expect(heard).toEqual(new Set(['I am a check\r\n']))
    greeting = 'go away'
    const down = await daemon.event('server-down')
    expect(JSON.stringify(down)).toContain("comment: 'the greeting'")
    greeting = 'hello again'
    await daemon.event('server-up')
  })
})

describe('an agent', () => {
  it('drains a server, takes it down and brings it back', async () => {
    let reply = 'up ready 100%\n'
    const questions = new Set<string>()
    const agent = await startTcpServer((socket) => {
      socket.on('data', (data) => {
        questions.add(data.toString())
        socket.end(reply)
      })
    })
    const one = await startHttpServer({ name: 's1' })
    const two = await startHttpServer({ name: 's2' })
    const { daemon, port } = await startChecked({
      app: {
        servers: {
          s1: {
            address: one.address,
            'agent-check': true,
            'agent-port': agent.port,
            'agent-inter': '50ms',
            'agent-send': 'who?\\n',
          },
          s2: two.address,
        },
      },
    })
    const get = httpClient(port, 4)
    /** The servers that answer twenty requests. */
    const answerers = async (): Promise<string> => {
      const names = new Set<string>()
      for (let i = 0; i < 20; i++) names.add((await get('/')).body.toString())
      return [...names].sort().join(' ')
    }
    const untilAnswered = (by: string): Promise<true> =>
      until(`answers of ${by}`, async () => ((await answerers()) === by ? true : undefined))

    await untilAnswered('s1 s2')
    reply = 'drain # being upgraded\n'
    await untilAnswered('s2')
    reply = 'ready\n'
    await untilAnswered('s1 s2')
    reply = 'down # out of disk\n'
    expect(JSON.stringify(await daemon.event('server-down'))).toContain('out of disk')
    expect(await answerers()).toBe('s2')
    reply = 'up\n'
    await untilAnswered('s1 s2')
    expect(questions).toEqual(new Set(['who?\n']))
  })
})

describe('a server that tracks another one', () => {
  it('goes down and up with it, and is not checked itself', async () => {
    const checked = await startHttpServer({ name: 'checked' })
    let connections = 0
    const tracking = await startTcpServer((socket) => {
      connections++
      socket.destroy()
    })
    const { daemon } = await startChecked({
      app: { servers: { s1: { address: tracking.address, track: 'other/s1' } } },
      other: { servers: { s1: checked.address } },
    })
    await checked.stop()
    const isOf = (server: string) => (entry: Readonly<Record<string, unknown>>) =>
      entry['event'] === 'server-down' && entry['server'] === server
    await until('both to be down', () => {
      return ['other/s1', 'app/s1'].every((name) => daemon.log.some(isOf(name))) || undefined
    })
    await checked.restart()
    await until('both to be up', () => {
      return daemon.log.filter(({ event }) => event === 'server-up').length >= 2 || undefined
    })
    expect(connections).toBe(0)
  })
})
