import { ChunkedScanner } from '../../src/http/h1/chunked-scanner.ts'
import { requestHeadText, responseHeadText } from '../../src/http/h1/head-text.ts'
import { parseRequestHead } from '../../src/http/h1/request-parser.ts'
import { parseResponseHead } from '../../src/http/h1/response-parser.ts'
import { DEFAULT_CHUNK_LIMITS, DEFAULT_HEAD_LIMITS } from '../../src/http/limits.ts'
import { OutgoingRequest, type RequestEdits } from '../../src/http/outgoing-request.ts'
import { RequestHead } from '../../src/http/request-head.ts'
import { ResponseHead } from '../../src/http/response-head.ts'

/**
 * What the HTTP/1.1 codec costs by itself, in nanoseconds of one core:
 * `node bench/micro/http-codec.ts`, with a Node.js that strips types (22.18 or later).
 */

/** Runs of which the best counts: what is left when nothing else takes the core. */
const RUNS = 100
const RUN_MS = 8

function bytes(...lines: string[]): Buffer {
  return Buffer.from(lines.join('\r\n'), 'latin1')
}

const wrkRequest = bytes('GET / HTTP/1.1', 'Host: 127.0.0.1:8080', '', '')
const curlRequest = bytes(
  'GET /api/items?page=2 HTTP/1.1',
  'Host: www.example.com',
  'User-Agent: curl/7.88.1',
  'Accept: */*',
  'X-Request-Id: 7f3c1c9a2b5d4e60',
  '',
  '',
)
const browserRequest = bytes(
  'GET /articles/2024/05/how-load-balancers-work?ref=home HTTP/1.1',
  'Host: www.example.com',
  'Connection: keep-alive',
  'sec-ch-ua: "Chromium";v="124", "Google Chrome";v="124", "Not-A.Brand";v="99"',
  'sec-ch-ua-mobile: ?0',
  'sec-ch-ua-platform: "Linux"',
  'Upgrade-Insecure-Requests: 1',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Sec-Fetch-Site: same-origin',
  'Sec-Fetch-Mode: navigate',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: en-GB,en;q=0.9',
  'Cookie: session=5f2b6c1d9e; theme=dark',
  '',
  '',
)
const smallResponse = bytes('HTTP/1.1 200 OK', 'Content-Length: 100', '', '')
const nginxResponse = bytes(
  'HTTP/1.1 200 OK',
  'Server: nginx/1.22.1',
  'Date: Sat, 01 Jun 2024 10:00:00 GMT',
  'Content-Type: text/html',
  'Content-Length: 615',
  'Last-Modified: Tue, 02 Jan 2024 08:00:00 GMT',
  'Connection: keep-alive',
  'ETag: "6593c3b0-267"',
  'Accept-Ranges: bytes',
  '',
  '',
)
const bigChunk = Buffer.from(`4000\r\n${'x'.repeat(0x4000)}\r\n`, 'latin1')
const smallChunks = Buffer.from(`40\r\n${'x'.repeat(0x40)}\r\n`.repeat(256), 'latin1')

const request = new RequestHead(DEFAULT_HEAD_LIMITS)
const response = new ResponseHead(DEFAULT_HEAD_LIMITS)
const scanner = new ChunkedScanner(DEFAULT_CHUNK_LIMITS, 'request')
const outgoingRequest = new OutgoingRequest()
const requestEdits = { added: '', target: '', hostless: false }
const forwardForEdits = { ...requestEdits, added: 'X-Forwarded-For: 192.0.2.1\r\n' }
const responseEdits = { added: '', connection: '', dechunked: false } as const
/** What is handed to the kernel: strings are joined only when they are copied there. */
const outgoing = Buffer.alloc(DEFAULT_HEAD_LIMITS.headBytesMax)
let sink = 0

/** Prints what one `operation` takes, and with `unitBytes` what each KB of them takes. */
function measure(name: string, operation: () => number, unitBytes = 0): void {
  let best = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS; run++) {
    let count = 0
    const start = process.hrtime.bigint()
    let elapsedNs = 0
    while (elapsedNs < RUN_MS * 1e6) {
      for (let n = 0; n < 1000; n++) sink += operation()
      count += 1000
      elapsedNs = Number(process.hrtime.bigint() - start)
    }
    best = Math.min(best, elapsedNs / count)
  }
  const perUnit = unitBytes === 0 ? '' : `  ${((best / unitBytes) * 1024).toFixed(1)} ns/KB`
  console.log(`${name.padEnd(44)} ${best.toFixed(1).padStart(9)} ns/op${perUnit}`)
}

function forwardText(edits: RequestEdits): string {
  outgoingRequest.begin(request, edits)
  return requestHeadText(outgoingRequest)
}

function parse(head: Buffer): () => number {
  return () => parseRequestHead(head, 0, head.length, request)
}

function parsed(head: Buffer): () => number {
  return () => parseResponseHead(head, 0, head.length, 'GET', response)
}

function scan(body: Buffer): () => number {
  return () => {
    scanner.reset(false)
    return scanner.feed(body, 0, body.length)
  }
}

console.log(`node ${process.version}`)
for (const [name, head] of Object.entries({ wrkRequest, curlRequest, browserRequest })) {
  const size = `${name}, ${head.length} bytes`
  measure(`parse ${size}`, parse(head))
  parse(head)()
  measure(`forward ${size}`, () => forwardText(requestEdits).length)
  measure('  with forwardfor', () => forwardText(forwardForEdits).length)
  measure('  and copied to a buffer', () => {
    return outgoing.write(forwardText(forwardForEdits), 'latin1')
  })
}
for (const [name, head] of Object.entries({ smallResponse, nginxResponse })) {
  const size = `${name}, ${head.length} bytes`
  measure(`parse ${size}`, parsed(head))
  parsed(head)()
  measure(`forward ${size}`, () => responseHeadText(response, responseEdits).length)
}
measure('scan 16 KB in one chunk', scan(bigChunk), 0x4000)
measure('scan 16 KB in chunks of 64 bytes', scan(smallChunks), 0x4000)
if (sink === 0) console.log('')
