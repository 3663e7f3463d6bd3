import { createServer, type Server } from 'node:net'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { startDaemon, type TestConfig } from './support/daemon.ts'
import { freePort } from './support/ports.ts'
import { openSocket, rawExchange, readUntil } from './support/raw-client.ts'
import { requires } from './support/requirements.ts'

beforeEach(requires('linux'))

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

/** A frontend that says by which of these binds it runs. */
function configOf(bind: readonly string[]): TestConfig {
  return {
    global: { nbthread: 2, log: { access: 'off' } },
    defaults: { mode: 'http' },
    frontends: {
      web: {
        bind,
        'http-request': [`return status 200 content-type text/plain string ${bind.join('+')}`],
      },
    },
  }
}

async function ask(port: number): Promise<string> {
  const { text } = await rawExchange(port, GET)
  return text.slice(text.indexOf('\r\n\r\n') + 4)
}

describe('a reload', () => {
  it('widens and narrows an address, and goes from one family to both', async () => {
    const port = await freePort()
    const binds = ['127.0.0.1', '', '127.0.0.1', '[::]', '127.0.0.1', '[::]', '', '[::]', '']
    const [first = '', ...others] = binds.map((host) => `${host}:${port}`)
    const daemon = await startDaemon({ config: configOf([first]) })
    expect(await ask(port)).toBe(first)
    for (const bind of others) {
      const open = await openSocket(port)
      expect(await daemon.reload(configOf([bind]))).toMatchObject({ event: 'config-reloaded' })
      expect(await ask(port)).toBe(bind)
      // Who was connected before is served by the old listener's session.
      open.write(GET)
      expect((await readUntil(open)).text).toMatch(/ 200 /)
    }
  })

  it('joins two addresses into one that contains both, and parts them again', async () => {
    const port = await freePort()
    const two = [`127.0.0.1:${port}`, `127.0.0.2:${port}`]
    const daemon = await startDaemon({ config: configOf(two) })
    expect((await daemon.reload(configOf([`:${port}`]))).event).toBe('config-reloaded')
    expect(await ask(port)).toBe(`:${port}`)
    expect((await daemon.reload(configOf(two))).event).toBe('config-reloaded')
    expect(await ask(port)).toBe(two.join('+'))
  })

  it('that is refused leaves everything as it was, also for who connects meanwhile', async () => {
    const port = await freePort()
    const taken = await listen()
    const daemon = await startDaemon({ config: configOf([`:${port}`]) })
    const { port: takenPort } = taken.address() as { port: number }
    const refused = configOf([`127.0.0.1:${port}`, `127.0.0.1:${takenPort}`])
    expect((await daemon.reload(refused)).event).toBe('config-rejected')
    expect(await ask(port)).toBe(`:${port}`)
    // Nobody else may share the port afterwards either.
    await expect(listen(port, '127.0.0.1')).rejects.toThrow(/EADDRINUSE/)
  })

  it('still tells of an address that another process has a part of', async () => {
    const port = await freePort()
    const taken = await listen()
    const { port: takenPort } = taken.address() as { port: number }
    const daemon = await startDaemon({ config: configOf([`127.0.0.1:${port}`]) })
    const { event, message } = await daemon.reload(configOf([`:${port}`, `:${takenPort}`]))
    expect(event).toBe('config-rejected')
    expect(message).toContain(`0.0.0.0:${takenPort} is in use`)
    expect(await ask(port)).toBe(`127.0.0.1:${port}`)
  })
})

function listen(port = 0, host = '127.0.0.1'): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    onTestFinished(() => void server.close())
    server.once('error', reject)
    server.listen(port, host, () => resolve(server))
  })
}
