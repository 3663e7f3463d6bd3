import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { createAuthority } from '../fixtures/certificates.ts'
import { startDaemon } from './support/daemon.ts'
import { httpClient } from './support/http-client.ts'
import { startHttpServer } from './support/http-server.ts'
import { startNginx } from './support/nginx.ts'
import { freePort } from './support/ports.ts'
import { runProgram, startProcess } from './support/processes.ts'
import { requires } from './support/requirements.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { writePem } from './support/tls-server.ts'
import { untilListening } from './support/waiting.ts'

const LARGE_BYTES = 3_000_000
/** Requests that nginx takes on a connection before it says that it goes; its default is 1000. */
const KEEP_ALIVE_REQUESTS = { few: 5, many: 500 } as const

type Settings = Readonly<Record<string, unknown>>

const authority = createAuthority()
const { cert, key } = authority.issue({ names: ['localhost', 'a.example'] })
const large = randomBytes(LARGE_BYTES)

function sumOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A daemon before one server, with a bind in clear text and one with TLS. */
async function startDoors(server: Settings): Promise<{ plain: number; urls: readonly string[] }> {
  const [plain, secure] = [await freePort(), await freePort()] as const
  const ssl = { crt: writePem(cert + key) }
  const bind = [`127.0.0.1:${plain}`, { address: `127.0.0.1:${secure}`, ssl }]
  await startDaemon({
    config: {
      global: { nbthread: 2 },
      defaults: { mode: 'http' },
      frontends: { web: { bind, default_backend: 'app' } },
      backends: { app: { servers: { s1: server } } },
    },
  })
  return { plain, urls: [`http://127.0.0.1:${plain}`, `https://127.0.0.1:${secure}`] }
}

/** Has curl ask, in HTTP/2 whatever the scheme. */
async function curl(url: string, ...args: string[]): Promise<{ told: string; body: Buffer }> {
  const file = join(temporaryFolder(), 'body')
  const version = url.startsWith('https') ? '--http2' : '--http2-prior-knowledge'
  const told = ['-w', '%{http_version} %{http_code}', '-o', file]
  const { code, stdout, stderr } = await runProgram('curl', [
    ...['-sSk', '-m', '60', version, ...told, ...args, url],
  ])
  expect([code, stderr]).toEqual([0, ''])
  return { told: stdout, body: args.includes('-I') ? Buffer.of() : readFileSync(file) }
}

/** Has h2load ask for a page over and over; every answer is to be good. */
async function expectLoadTaken(url: string): Promise<void> {
  const count = 2000
  const load = ['-n', `${count}`, '-c', '8', '-m', '25', '-t', '1']
  const { code, stdout } = await runProgram('h2load', [...load, url])
  expect(code).toBe(0)
  expect(stdout).toContain(
    `requests: ${count} total, ${count} started, ${count} done, ${count} succeeded, 0 failed, 0 errored, 0 timeout`,
  )
  expect(stdout).toContain(`status codes: ${count} 2xx`)
}

/** A file with the large body, for programs that upload one. */
function largeFile(): string {
  const file = join(temporaryFolder(), 'large')
  writeFileSync(file, large)
  return file
}

describe('clients in HTTP/2 that are not ours', () => {
  beforeEach(requires('curl', 'nghttp', 'h2load'))

  async function startEcho(): Promise<readonly string[]> {
    const server = await startHttpServer({
      answer: ({ url, body, trailers }, response) => {
        if (url === '/trailed') response.writeHead(200, { trailer: 'X-Sum' })
        response.write(body.length === 0 ? 'hello' : body)
        if (url === '/trailed') {
          response.addTrailers({ 'X-Sum': sumOf(body), 'X-Got': String(trailers['x-sent']) })
        }
        response.end()
      },
    })
    return (await startDoors({ address: server.address })).urls
  }

  it('curl gets pages and uploads files', async () => {
    for (const url of await startEcho()) {
      expect(await curl(`${url}/`)).toEqual({ told: '2 200', body: Buffer.from('hello') })
      expect((await curl(`${url}/`, '-I')).told).toBe('2 200')
      const sent = ['--data-binary', `@${largeFile()}`]
      for (const framing of [[], ['-H', 'Expect: 100-continue'], ['-H', 'Content-Length:']]) {
        const { told, body } = await curl(`${url}/`, ...sent, ...framing)
        expect([told, sumOf(body)]).toEqual(['2 200', sumOf(large)])
      }
    }
  })

  it('nghttp has several streams on a connection, with trailers both ways', async () => {
    for (const url of await startEcho()) {
      const paths = ['/a', '/b', '/trailed'].map((path) => url + path)
      const { code, stdout } = await runProgram('nghttp', ['-v', ...paths])
      expect(code).toBe(0)
      expect(stdout.match(/:status: 200/g)).toHaveLength(paths.length)
      expect(stdout).toContain(`x-sum: ${sumOf(Buffer.of())}`)
      expect(stdout).not.toMatch(/recv (RST_STREAM|GOAWAY)|\[ERROR\]/)
      const sent = ['-d', largeFile(), '--no-content-length', '--trailer', 'x-sent: yes']
      const uploaded = await runProgram('nghttp', ['-nv', ...sent, `${url}/trailed`])
      expect(uploaded.code).toBe(0)
      expect(uploaded.stdout).toContain(`x-sum: ${sumOf(large)}`)
      expect(uploaded.stdout).toContain('x-got: yes')
      expect(uploaded.stdout).not.toMatch(/recv (RST_STREAM|GOAWAY)|\[ERROR\]/)
    }
  })

  it('h2load gets all that it asks for', async () => {
    for (const url of await startEcho()) await expectLoadTaken(`${url}/`)
  })
})

describe('nghttpd as a server', () => {
  beforeEach(requires('curl', 'nghttp', 'h2load', 'nghttpd'))

  async function startNghttpd(isSecure: boolean): Promise<Settings> {
    const port = await freePort()
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'hello'), 'hello')
    writeFileSync(join(folder, 'large'), large)
    const options = ['-a', '127.0.0.1', '-d', folder, '--echo-upload', '--trailer', 'x-last: yes']
    const files = isSecure ? [`${port}`, writePem(key), writePem(cert)] : ['--no-tls', `${port}`]
    // With padding, which counts for windows and is no content.
    startProcess('nghttpd', [...options, '-b', '64', ...files], { stdio: 'ignore' })
    await untilListening(port)
    const address = `127.0.0.1:${port}`
    if (!isSecure) return { address, proto: 'h2' }
    const ssl = { 'ca-file': writePem(authority.cert), 'sni': 'a.example', 'alpn': 'h2' }
    return { address, ssl }
  }

  it.each([
    ['in clear text', false],
    ['over TLS', true],
  ])('is asked %s', async (_, isSecure) => {
    const { plain, urls } = await startDoors(await startNghttpd(isSecure))
    const ask = httpClient(plain)
    const { status, body } = await ask('/hello')
    expect([status, body.toString()]).toEqual([200, 'hello'])
    expect((await ask('/none')).status).toBe(404)
    expect(sumOf((await ask('/large')).body)).toBe(sumOf(large))
    const echoed = await ask('/echo', { method: 'POST', body: large })
    // Behind a length HTTP/1 has no place for trailers, which HTTP/2 has.
    expect([sumOf(echoed.body), echoed.trailers]).toEqual([sumOf(large), {}])
    for (const url of urls) {
      expect((await runProgram('nghttp', ['-nv', `${url}/hello`])).stdout).toContain('x-last: yes')
      expect(sumOf((await curl(`${url}/large`)).body)).toBe(sumOf(large))
      const { told, body: back } = await curl(`${url}/x`, '--data-binary', `@${largeFile()}`)
      expect([told, sumOf(back)]).toEqual(['2 200', sumOf(large)])
      await expectLoadTaken(`${url}/hello`)
    }
  })
})

describe('nginx as a server in HTTP/2', () => {
  beforeEach(requires('curl', 'nginx', 'h2load'))

  async function startSite(listen: string, requests: number): Promise<Settings> {
    const { address } = await startNginx(
      `keepalive_requests ${requests};
       ssl_certificate ${writePem(cert)};
       ssl_certificate_key ${writePem(key)};
       client_max_body_size 8m;
       location = /stored { dav_methods PUT; }
       location = /empty { return 204; }`,
      { hello: 'hello' },
      undefined,
      listen,
    )
    const ssl = { 'ca-file': writePem(authority.cert), 'sni': 'a.example', 'alpn': 'h2' }
    return listen === 'http2' ? { address, proto: 'h2' } : { address, ssl }
  }

  const listening: [string, string][] = [
    ['in clear text', 'http2'],
    ['over TLS', 'ssl http2'],
  ]

  it.each(listening)('is asked %s', async (_, listen) => {
    const { plain, urls } = await startDoors(await startSite(listen, KEEP_ALIVE_REQUESTS.many))
    const ask = httpClient(plain)
    expect((await ask('/empty')).status).toBe(204)
    expect((await ask('/hello', { method: 'HEAD' })).headers['content-length']).toBe('5')
    for (const url of urls) {
      expect((await curl(`${url}/stored`, '-T', largeFile())).told).toMatch(/^2 20[14]$/)
      expect(sumOf((await curl(`${url}/stored`)).body)).toBe(sumOf(large))
      await expectLoadTaken(`${url}/hello`)
    }
  })

  it.each(listening)('is asked %s over connections that it soon gives up', async (_, listen) => {
    const { plain } = await startDoors(await startSite(listen, KEEP_ALIVE_REQUESTS.few))
    const ask = httpClient(plain, 4)
    const calls = Array.from({ length: KEEP_ALIVE_REQUESTS.few * 8 }, () => ask('/hello'))
    for (const { status, body } of await Promise.all(calls)) {
      expect([status, body.toString()]).toEqual([200, 'hello'])
    }
  })
})
