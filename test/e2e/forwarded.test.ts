import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { startDaemon } from './support/daemon.ts'
import { type HttpServer, startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { openSocket, readUntil } from './support/raw-client.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const ALL = {
  'proto': true,
  'host': true,
  'by': true,
  'by-port': true,
  'for': true,
  'for-port': true,
}

interface Sections {
  readonly frontend?: object
  readonly backend?: object
  readonly defaults?: object
  /** Default: a free port. */
  readonly bind?: string
}

/** Starts a daemon with these options before one server. */
async function start(sections: Sections): Promise<{ port: number; server: HttpServer }> {
  const { frontend, backend, defaults, bind } = sections
  const server = await startHttpServer()
  const port = await freePort()
  await startDaemon({
    config: {
      defaults: { mode: 'http', ...defaults },
      frontends: {
        web: { bind: bind ?? `127.0.0.1:${port}`, default_backend: 'app', ...frontend },
      },
      backends: { app: { servers: { s1: server.address }, ...backend } },
    },
  })
  return { port, server }
}

/** Sends a request with these header lines; gives the port that it came from. */
async function ask(port: number, lines = 'Host: a\r\n'): Promise<number> {
  const socket = await openSocket(port)
  socket.write(`GET / HTTP/1.1\r\n${lines}\r\n`)
  const { localPort } = socket
  const { text } = await readUntil(socket, (seen) => seen.endsWith('server'))
  expect(text).toMatch(/^HTTP\/1\.1 200 /)
  return localPort ?? 0
}

/** The Forwarded lines of the last request. */
function linesOf({ requests }: HttpServer): string[] {
  const { rawHeaders } = requests.at(-1) ?? { rawHeaders: [] }
  return rawHeaders.filter((_, n) => rawHeaders[n - 1]?.toLowerCase() === 'forwarded')
}

it('tells the server protocol and address of the client', async () => {
  const { port, server } = await start({ defaults: { option: { forwarded: true } } })
  await ask(port)
  expect(linesOf(server)).toEqual(['proto=http;for=127.0.0.1'])
})

it('tells the server what it is asked to, quoted where it must be', async () => {
  const { port, server } = await start({ backend: { option: { forwarded: ALL } } })
  const from = await ask(port, 'Host: example.com:8080\r\n')
  expect(linesOf(server)).toEqual([
    `proto=http;host="example.com:8080";by="127.0.0.1:${port}";for="127.0.0.1:${from}"`,
  ])
})

it('has the host that the client asked for, whatever a rule makes of it', async () => {
  const { port, server } = await start({
    frontend: {
      'option': { forwarded: { host: true } },
      'http-request': ['set-header Host internal'],
    },
  })
  await ask(port, 'Host: example.com\r\n')
  expect(server.requests[0]?.headers.host).toBe('internal')
  expect(linesOf(server)).toEqual(['host="example.com"'])
})

it('adds to what the client sent', async () => {
  const { port, server } = await start({ frontend: { option: { forwarded: true } } })
  await ask(
    port,
    'Host: a\r\nForwarded: for=192.0.2.1\r\nX: y\r\nFORWARDED: for=192.0.2.2;by=_x\r\n',
  )
  expect(linesOf(server)).toEqual([
    'for=192.0.2.1',
    'for=192.0.2.2;by=_x',
    'proto=http;for=127.0.0.1',
  ])
})

it('is said once where frontend and backend ask for it, as the frontend has it', async () => {
  const { port, server } = await start({
    frontend: { option: { forwarded: { proto: true } } },
    backend: { option: { forwarded: { by: true } } },
  })
  await ask(port)
  expect(linesOf(server)).toEqual(['proto=http'])
})

it('goes beside X-Forwarded-For', async () => {
  const { port, server } = await start({
    defaults: { option: { forwarded: true, forwardfor: true } },
  })
  await ask(port)
  expect(linesOf(server)).toEqual(['proto=http;for=127.0.0.1'])
  expect(server.requests[0]?.headers['x-forwarded-for']).toBe('127.0.0.1')
})

it('calls the client of a Unix socket unknown', async () => {
  const path = join(temporaryFolder(), 'web.sock')
  const { server } = await start({
    bind: `unix@${path}`,
    frontend: { option: { forwarded: ALL } },
  })
  const socket = connect(path)
  onTestFinished(() => {
    socket.destroy()
  })
  await once(socket, 'connect')
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await readUntil(socket, (seen) => seen.endsWith('server'))
  expect(linesOf(server)).toEqual(['proto=http;host="a";by=unknown;for=unknown'])
})

it('is off unless it is set', async () => {
  const { port, server } = await start({
    defaults: { option: { forwarded: true } },
    frontend: { option: { forwarded: false } },
    backend: { option: { forwarded: false } },
  })
  await ask(port)
  expect(linesOf(server)).toEqual([])
})
