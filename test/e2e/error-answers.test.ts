import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { startDaemon, type TestConfig } from './support/daemon.ts'
import { startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { runSluice } from './support/processes.ts'
import { rawExchange } from './support/raw-client.ts'
import { readResponses, type StrictMessage, statusOf } from './support/strict-messages.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

let folder: string
let port: number

beforeEach(async () => {
  folder = temporaryFolder()
  port = await freePort()
})

/** Writes a file and returns its path. */
function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text, 'latin1')
  return path
}

/** Writes a file with a response that names itself. */
function errorFile(name: string, status = 503): string {
  return write(name, `HTTP/1.1 ${status} Sorry\nContent-Type: text/plain\n\n${name}\n`)
}

/**
 * A frontend that denies /denied, and sends /other to a backend of that name and all else to `app`.
 * Nobody listens for either of them.
 */
async function configWith(
  frontend: object,
  app: object = {},
  defaults: object = {},
): Promise<Readonly<Record<string, unknown>>> {
  const servers = { s1: `127.0.0.1:${await freePort()}` }
  return {
    defaults: { mode: 'http', retries: 0, ...defaults },
    frontends: {
      web: {
        'bind': `127.0.0.1:${port}`,
        'http-request': ['deny if { path /denied }'],
        'use_backend': ['other if { path /other }'],
        'default_backend': 'app',
        ...frontend,
      },
    },
    backends: { app: { servers, ...app }, other: { servers } },
  }
}

/** Asks for one response, at most, which closes the connection, and reads to its end. */
async function ask(path: string, method = 'GET'): Promise<StrictMessage | undefined> {
  const head = `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`
  const { text, ending } = await rawExchange(port, head)
  expect(ending).toBe('ended')
  const { messages, rest, wrong } = readResponses(text, { methods: [method], ended: true })
  expect({ rest, wrong }).toEqual({ rest: '', wrong: null })
  expect(messages.length).toBeLessThan(2)
  return messages[0]
}

async function bodyOf(path: string): Promise<string | undefined> {
  return (await ask(path))?.body
}

describe('errorfile', () => {
  it('of the backend comes before that of the frontend, which comes before the standard', async () => {
    await startDaemon({
      config: await configWith(
        { errorfile: { 503: errorFile('frontend'), 403: errorFile('denied', 403) } },
        { errorfile: { 503: errorFile('backend') } },
      ),
    })
    expect(await bodyOf('/')).toBe('backend\n')
    expect(await bodyOf('/other')).toBe('frontend\n')
    expect(await bodyOf('/denied')).toBe('denied\n')
    const standard = await rawExchange(port, 'GARBAGE\r\n\r\n')
    expect(standard.text).toMatch(/^HTTP\/1\.1 400 Bad request\r\n/)
  })

  it('of the backend is also the answer to what a rule of the backend denies', async () => {
    const daemon = await startDaemon({
      config: await configWith(
        { errorfile: { 403: errorFile('frontend', 403) } },
        { 'errorfile': { 403: errorFile('backend', 403) }, 'http-request': ['deny'] },
      ),
    })
    expect(await bodyOf('/')).toBe('backend\n')
    expect(await bodyOf('/denied')).toBe('frontend\n')
    await daemon.stop()
    // Two threads write, in any order.
    const lines = daemon.accessLog.toSorted().join('\n')
    expect(lines).toMatch(/ web app\/<NOSRV> /)
    expect(lines).toMatch(/ web web\/<NOSRV> /)
  })

  it('is sent with its status line and headers, framed', async () => {
    const path = write(
      '503.http',
      'HTTP/1.1 500 Maintenance\nRetry-After: 10\nContent-Length: 1\nConnection: keep-alive\n\n<p>\n',
    )
    const daemon = await startDaemon({ config: await configWith({ errorfile: { 503: path } }) })
    const answer = await ask('/')
    expect(answer?.startLine).toBe('HTTP/1.1 500 Maintenance')
    expect(Object.fromEntries(answer?.headers ?? [])).toEqual({
      'retry-after': '10',
      'content-length': '4',
      'connection': 'close',
    })
    expect(answer?.body).toBe('<p>\n')
    await daemon.stop()
    // HAProxy, too, logs the error and not what the file says of it.
    expect(daemon.accessLog.map((line) => / (\d{3}) \d+ - - /.exec(line)?.[1])).toEqual(['503'])
  })

  it('is answered to HEAD without its body', async () => {
    await startDaemon({ config: await configWith({ errorfile: { 503: errorFile('sorry') } }) })
    const answer = await ask('/', 'HEAD')
    expect(answer?.startLine).toBe('HTTP/1.1 503 Sorry')
    expect(answer?.headers).toContainEqual(['content-length', '6'])
    expect(answer?.body).toBe('')
  })

  it('is given to what is no request, too', async () => {
    await startDaemon({ config: await configWith({ errorfile: { 400: errorFile('what', 400) } }) })
    const { text } = await rawExchange(port, 'GARBAGE\r\n\r\n')
    expect(text).toMatch(/^HTTP\/1\.1 400 Sorry\r\n.*\r\n\r\nwhat\n$/s)
  })

  it('that is empty closes the connection without an answer', async () => {
    await startDaemon({ config: await configWith({ errorfile: { 503: '/dev/null' } }) })
    expect(await ask('/')).toBeUndefined()
    expect((await ask('/denied'))?.startLine).toBe('HTTP/1.1 403 Forbidden')
  })

  it('is not put in the place of what a server answers', async () => {
    const server = await startHttpServer({ status: 503, body: 'from the server' })
    await startDaemon({
      config: await configWith(
        { errorfile: { 503: errorFile('frontend') } },
        { servers: { s1: server.address } },
      ),
    })
    const { text } = await rawExchange(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', {
      until: (seen) => seen.endsWith('server'),
    })
    expect(text).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/)
  })
})

describe('http-error', () => {
  it('gives a text or a file with headers of its own', async () => {
    const path = write('sorry.json', '{"sorry":true}')
    await startDaemon({
      config: await configWith(
        { 'http-error': ['status 403 content-type text/plain string "No, \\"sir\\"" hdr X-A b'] },
        { 'http-error': [`status 503 content-type application/json file ${path}`] },
      ),
    })
    const denied = await ask('/denied')
    expect(denied?.startLine).toBe('HTTP/1.1 403 Forbidden')
    expect(denied?.headers).toContainEqual(['content-type', 'text/plain'])
    expect(denied?.headers).toContainEqual(['x-a', 'b'])
    expect(denied?.body).toBe('No, "sir"')
    expect(await bodyOf('/')).toBe('{"sorry":true}')
  })

  it('is inherited from defaults, where a section has none for the status', async () => {
    await startDaemon({
      config: await configWith(
        { 'http-error': ['status 403 content-type text/plain string frontend'] },
        {},
        {
          'http-error': [
            'status 403 content-type text/plain string defaults',
            `status 503 errorfile ${errorFile('defaults')}`,
          ],
        },
      ),
    })
    expect(await bodyOf('/denied')).toBe('frontend')
    expect(await bodyOf('/')).toBe('defaults\n')
  })
})

describe('a bad file', () => {
  const bad: readonly (readonly [what: string, text: string | null, complaint: RegExp])[] = [
    ['is missing', null, /cannot read .*503\.http.*ENOENT/],
    ['is no response', '<html>Sorry</html>', /503\.http is no HTTP response/],
    ['is too long', `HTTP/1.1 503 Sorry\n\n${'x'.repeat(20_000)}`, /503\.http is longer/],
  ]

  it.each(bad)('that %s is refused by check and by run', async (_, text, complaint) => {
    const path = text === null ? join(folder, '503.http') : write('503.http', text)
    const file = write('lb.yaml', stringify(await configWith({ errorfile: { 503: path } })))
    for (const command of ['check', 'run']) {
      const { code, stdout, stderr } = await runSluice(command, '-f', file)
      expect(code).toBe(1)
      expect(stderr).toMatch(complaint)
      expect(stderr).toContain('status 503 of frontend web')
      expect(stdout).toBe('')
    }
  })

  it('leaves the old config active, and the old answers', async () => {
    const path = errorFile('503.http')
    const config: TestConfig = await configWith({ errorfile: { 503: path } })
    const daemon = await startDaemon({ config })
    write('503.http', 'Sorry')
    expect(await daemon.reload(config)).toMatchObject({
      event: 'config-rejected',
      code: 'error-answer-invalid',
    })
    expect(await bodyOf('/')).toBe('503.http\n')
    write('503.http', 'HTTP/1.1 503 New\n\nnew')
    expect(await daemon.reload(config)).toMatchObject({ event: 'config-reloaded' })
    const answer = await ask('/')
    expect(answer === undefined ? 0 : statusOf(answer)).toBe(503)
    expect(answer?.body).toBe('new')
  })
})
