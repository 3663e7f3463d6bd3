import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { Pool } from 'undici'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { errorCount } from '../../bench/wrk.ts'
import { type HttpServer, startHttpServer } from './support/http-server.ts'
import { sharedLanes } from './support/lanes.ts'
import { underLoad } from './support/load.ts'
import { untilMoreRequests } from './support/metrics.ts'
import { runProgram } from './support/processes.ts'
import { startProxy } from './support/proxy.ts'
import { requires } from './support/requirements.ts'
import { startServerProcess } from './support/server-process.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const BODY = randomBytes(300_000)

const takeLane = sharedLanes({ count: 8 })

/** A lane before a server that tells what it got, sends {@link BODY}, and parts of it. */
async function startSite(): Promise<{ url: string; port: number; server: HttpServer }> {
  const { port, serverPorts } = takeLane()
  const server = await startHttpServer({
    port: serverPorts[0],
    answer: ({ method, url, headers, body }, response) => {
      const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '')
      if (url !== '/body') response.end(`${method} ${url} ${body.length}`)
      else if (range === null) response.end(BODY)
      else {
        const [first, last] = range.slice(1).map(Number) as [number, number]
        response.setHeader('Content-Range', `bytes ${first}-${last}/${BODY.length}`)
        response.writeHead(206).end(BODY.subarray(first, last + 1))
      }
    },
  })
  return { url: `http://127.0.0.1:${port}`, port, server }
}

describe('curl', () => {
  beforeEach(requires('curl'))

  /** Runs curl, which fails on a status above 399, and returns what it printed. */
  async function curl(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await runProgram('curl', ['-sS', '--fail', ...args])
    expect([code, stderr]).toEqual([0, ''])
    return stdout
  }

  it('asks for several pages over one connection', async () => {
    const { url } = await startSite()
    const pages = ['/1', '/2', '/3', '/4']
    const output = await curl(
      ...['-w', ' %{http_code} %{http_version} %{num_connects}\\n'],
      ...pages.map((page) => `${url}${page}`),
    )
    expect(output.trim().split('\n')).toEqual(
      pages.map((page, n) => `GET ${page} 0 200 1.1 ${n === 0 ? 1 : 0}`),
    )
  })

  it('speaks HTTP/1.0, with and without keep-alive', async () => {
    const { url } = await startSite()
    const format = ['-w', ' %{http_code} %{num_connects}\\n']
    const pages = [`${url}/1`, `${url}/2`]
    expect(await curl('--http1.0', ...format, ...pages)).toBe('GET /1 0 200 1\nGET /2 0 200 1\n')
    const keepAlive = ['-H', 'Connection: keep-alive']
    const output = await curl('--http1.0', ...keepAlive, ...format, ...pages)
    expect(output).toBe('GET /1 0 200 1\nGET /2 0 200 0\n')
  })

  it.each([
    ['of known length', []],
    ['in chunks', ['-H', 'Transfer-Encoding: chunked']],
    ['once it may continue', ['-H', 'Expect: 100-continue', '--expect100-timeout', '60']],
  ])('uploads a file %s', async (_, args) => {
    const { url, server } = await startSite()
    const file = join(temporaryFolder(), 'upload')
    writeFileSync(file, BODY)
    const output = await curl('-T', file, ...args, `${url}/upload`)
    expect(output).toBe(`PUT /upload ${BODY.length}`)
    expect(server.requests[0]?.body.equals(BODY)).toBe(true)
  })

  it('downloads a body in ranges, and the rest of one', async () => {
    const { url } = await startSite()
    const whole = join(temporaryFolder(), 'whole')
    const part = join(temporaryFolder(), 'part')
    await curl('-o', whole, `${url}/body`)
    const format = ['-w', '%{http_code} %{size_download}']
    expect(await curl('-r', '1000-200999', '-o', part, ...format, `${url}/body`)).toBe('206 200000')
    const compared = await runProgram('cmp', ['-i', '1000:0', '-n', '200000', whole, part])
    expect(compared).toEqual({ code: 0, stdout: '', stderr: '' })
  })
})

describe('load generators', () => {
  it('ab with keep-alive, which speaks HTTP/1.0', async (context) => {
    requires('ab')(context)
    const { url } = await startProxy((await startServerProcess('s1')).address)
    const { code, stdout } = await runProgram('ab', ['-k', '-n', '5000', '-c', '20', `${url}/`])
    expect(code).toBe(0)
    const numbers = Object.fromEntries(
      [...stdout.matchAll(/^([A-Z][^:]*): +(\d+)/gm)].map(([, name, value]) => [
        name,
        Number(value),
      ]),
    )
    expect(numbers).toMatchObject({
      'Complete requests': 5000,
      'Failed requests': 0,
      'Keep-Alive requests': 5000,
    })
    expect(stdout).not.toContain('Non-2xx')
  })

  it.each([
    ['GET', {}],
    ['POST', { method: 'POST', bodyBytes: 3000 }],
    ['a connection per request', { headers: ['Connection: close'] }],
  ])('wrk: %s', async (_, run) => {
    const { daemon, url } = await startProxy((await startServerProcess('s1')).address)
    const { errors } = await underLoad(daemon, { url: `${url}/`, connections: 32, ...run }, () =>
      untilMoreRequests(daemon, 1000),
    )
    expect(errorCount(errors)).toBe(0)
  })
})

describe('Node.js', () => {
  it('pipelines by undici get their answers in order', async () => {
    const { url } = await startSite()
    const pool = new Pool(url, { connections: 2, pipelining: 4 })
    onTestFinished(() => pool.destroy())
    const texts = await Promise.all(
      Array.from({ length: 400 }, async (_, n) => {
        const { statusCode, body } = await pool.request({ path: `/${n}`, method: 'GET' })
        return `${statusCode} ${await body.text()}`
      }),
    )
    expect(texts).toEqual(texts.map((_, n) => `200 GET /${n} 0`))
  })

  it('requests by the http Agent share its connections', async () => {
    const { port, server } = await startSite()
    const agent = new Agent({ keepAlive: true, maxSockets: 4 })
    onTestFinished(() => agent.destroy())
    const ports = new Set<number>()
    const ask = (path: string, method: string, body: Buffer): Promise<string> =>
      new Promise((resolve, reject) => {
        const sent = request({ agent, port, host: '127.0.0.1', path, method }, (response) => {
          ports.add(response.socket.localPort ?? 0)
          buffer(response).then((bytes) => resolve(`${response.statusCode} ${bytes}`), reject)
        })
        sent.once('error', reject).end(body)
      })
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        n % 2 === 0
          ? ask(`/${n}`, 'GET', Buffer.of())
          : ask(`/${n}`, 'POST', BODY.subarray(0, n * 1000)),
      ),
    )
    expect(answers).toEqual(
      answers.map((_, n) => (n % 2 === 0 ? `200 GET /${n} 0` : `200 POST /${n} ${n * 1000}`)),
    )
    expect(ports.size).toBe(4)
    expect(server.requests).toHaveLength(200)
  })
})
