import { once } from 'node:events'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { WebSocketServer } from 'ws'
import { selfSigned } from '../fixtures/certificates.ts'
import { openPage } from './support/chromium.ts'
import { startDaemon } from './support/daemon.ts'
import { startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { requires } from './support/requirements.ts'
import { writePem } from './support/tls-server.ts'
import { until } from './support/waiting.ts'

const ITEMS = 24
const POSTED_CHARS = 200_000

const PAGE = `<!doctype html>
<title>A page through the proxy</title>
<link rel="stylesheet" href="/style.css">
<img id="image" src="/image.svg" alt="">
<pre id="report"></pre>
<script type="module" src="/script.js"></script>
`

/** Tries what pages do, and writes what came of it into the page. */
const SCRIPT = `
const text = async (path, options) => (await fetch(path, options)).text()
const report = {}
const image = document.getElementById('image')
await image.decode()
report.imageWidth = image.naturalWidth
report.color = getComputedStyle(document.body).color
const items = Array.from({ length: ${ITEMS} }, (_, n) => text('/item/' + n))
report.items = (await Promise.all(items)).join()
report.streamed = (await text('/streamed')).length
report.echo = (await text('/echo', { method: 'POST', body: 'x'.repeat(${POSTED_CHARS}) })).length
report.missing = (await fetch('/missing')).status
report.fresh = [await text('/tagged'), await text('/tagged', { cache: 'no-cache' })].join()
report.chat = await new Promise((resolve, reject) => {
  const socket = new WebSocket(location.origin.replace('http', 'ws') + '/chat')
  const received = []
  socket.onopen = () => socket.send('hello')
  socket.onmessage = ({ data }) => {
    received.push(data)
    if (received.length === 2) socket.close(4000)
  }
  socket.onclose = ({ code }) => resolve(received.join() + ' ' + code)
  socket.onerror = reject
}).catch(String)
document.getElementById('report').textContent = JSON.stringify(report)
`

const FILES: Readonly<Record<string, readonly [type: string, body: string]>> = {
  '/': ['text/html', PAGE],
  '/style.css': ['text/css', 'body { color: rgb(1, 2, 3) }'],
  '/image.svg': [
    'image/svg+xml',
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"></svg>',
  ],
  '/script.js': ['text/javascript', SCRIPT],
}

async function startSite(): Promise<{ address: string; revalidated: () => number }> {
  let revalidated = 0
  const { address } = await startHttpServer({
    answer: ({ url, body, headers }, response) => {
      const file = FILES[url]
      if (file !== undefined) response.writeHead(200, { 'Content-Type': file[0] }).end(file[1])
      else if (url.startsWith('/item/')) response.end(url.slice('/item/'.length))
      else if (url === '/streamed') {
        response.write('x'.repeat(100_000))
        response.end('x'.repeat(100_000))
      } else if (url === '/echo') response.end(body)
      else if (url !== '/tagged') response.writeHead(404).end()
      else if (headers['if-none-match'] === undefined) {
        response.writeHead(200, { 'ETag': '"1"', 'Cache-Control': 'max-age=60' }).end('tagged')
      } else {
        revalidated++
        response.writeHead(304, { ETag: '"1"' }).end()
      }
    },
  })
  return { address, revalidated: () => revalidated }
}

/** A WebSocket server that greets, then sends back what it gets. */
async function startChat(): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  onTestFinished(() => {
    for (const client of server.clients) client.terminate()
    server.close()
  })
  server.on('connection', (socket) => {
    socket.send('welcome')
    socket.on('message', (data) => socket.send(String(data)))
  })
  const { port } = server.address() as { port: number }
  return `127.0.0.1:${port}`
}

beforeEach(requires('chromium'))

it.each(['http', 'https'])(
  'Chromium loads a page, its parts, posts, and opens a WebSocket: %s',
  async (scheme) => {
    const site = await startSite()
    const port = await freePort()
    const { cert, key } = selfSigned({ names: ['localhost'] })
    const address = `127.0.0.1:${port}`
    await startDaemon({
      config: {
        global: { nbthread: 2 },
        defaults: { mode: 'http' },
        frontends: {
          web: {
            bind: scheme === 'https' ? { address, ssl: { crt: writePem(cert + key) } } : address,
            use_backend: ['chat if { path /chat }'],
            default_backend: 'site',
          },
        },
        backends: {
          site: { servers: { s1: site.address } },
          chat: { servers: { c1: await startChat() } },
        },
      },
    })
    const page = await openPage(`${scheme}://${address}/`, cert)
    const report = await until('the report', async () => {
      const text = await page.evaluate("document.getElementById('report')?.textContent")
      return typeof text === 'string' && text !== '' ? (JSON.parse(text) as unknown) : undefined
    })
    expect(report).toEqual({
      imageWidth: 40,
      color: 'rgb(1, 2, 3)',
      items: Array.from({ length: ITEMS }, (_, n) => n).join(),
      streamed: 200_000,
      echo: POSTED_CHARS,
      missing: 404,
      fresh: 'tagged,tagged',
      chat: 'welcome,hello 4000',
    })
    expect(site.revalidated()).toBe(1)
  },
)
