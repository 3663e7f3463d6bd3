import type { Seeded } from './seeded.ts'

const DATA = 'hello\r\n0 GET /x:;"'
const METHODS = 'GET GET POST POST PUT HEAD OPTIONS DELETE PATCH PURGE TRACE'.split(' ')
const ODD_METHODS = ['CONNECT', 'get', 'G\0T', '', 'GET ', 'PRI']
const TARGETS = [
  '/',
  '/a?b=c',
  '/a/../b%2f',
  '//x',
  '/{|}"<>^`\\',
  'http://a/',
  'http://a',
  'http://A:80?b',
]
const ODD_TARGETS = ['*', 'http://b/', 'a:443', 'https://a@b/x', '/#f', '', 'x', '/ x', '/\xff']
const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
]
const ODD_VERSIONS = ['HTTP/1.2', 'HTTP/2.0', 'http/1.1', 'HTTP/1.1 ', 'HTTP/11', '']
const STATUSES = [
  '200 OK',
  '200 OK',
  '200 ',
  '200',
  '404 Not Found',
  '204 No Content',
  '304 x',
  '103 x',
  '500 \xe9\t!',
]
const ODD_STATUSES = [
  '100 Continue',
  '101 Switching Protocols',
  '999 x',
  '099 x',
  '20 OK',
  '2000 OK',
  '-20 x',
]
const HOSTS = ['a', 'A', 'a:80', 'a']
const ODD_HOSTS = ['b', '', '[::1]:80', 'a, b', 'a b', 'a@b', 'a:443', 'a\r\nHost: b']
const HEADERS = [
  'Accept: */*',
  'User-Agent: x/1 (y; "z")',
  'Cookie: a=b; c=d',
  'X-Empty:',
  'X-Blank: \t ',
  'x: \xe9\xff',
  'X_y: 1',
  'X-Y: z',
  'Connection: keep-alive',
  'Connection: x-y, Cookie',
  'Connection: Transfer-Encoding',
  'Expect: 100-continue',
  'TE: trailers',
  'Keep-Alive: timeout=5',
  'Proxy-Connection: keep-alive',
  'Trailer: x',
]
const ODD_HEADERS = [
  'Connection: close',
  'Connection: upgrade',
  'Upgrade: websocket',
  ' folded: 1',
  'Bad Name: 1',
  'bad: \x01',
  ': empty',
  'nocolon',
  'Connection: "close"',
]
const ODD_FRAMINGS = [
  'Content-Length: 0',
  'Content-Length: 3',
  'Content-Length:03 ',
  'Content-Length: 3\t',
  'Content-Length: +3',
  'Content-Length: 3, 3',
  'Content-Length: 18446744073709551619',
  'Transfer-Encoding: chunked',
  'transfer-encoding:\tChunked ',
  'Transfer-Encoding: chunked\t',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: identity',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding: x',
  'Transfer-Encoding:',
]
const EXTENSIONS = ['', '', '', '', ';a', ';a=b', ';a="b;c"', ';a="\\""']
const ODD_EXTENSIONS = ['; a', ' ;a', ';', ';a=', '\t', ' ', ';\xff', ';a="\xff"', ';a;;b']
const TRAILERS = ['', '', '', 'X-Sum: 1\r\n', 'A:\r\nB: \xff \r\n']
const ODD_TRAILERS = ['Content-Length: 3\r\n', 'Host: b\r\n', 'a : b\r\n', ' x\r\n', '\n', 'a\r\n']
const INSERTIONS = [
  ...['\r', '\n', '\r\n', '\r\n\r\n', ' ', '\t', '\0', '\x0b', '\x7f', '\xa0', '\xff'],
  ...[':', ';', ',', '"', '0', '5', 'a', 'g', '-', '+', '0x', 'chunked', '0\r\n\r\n'],
  'Content-Length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Host: b\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
]

function chunks(random: Seeded): string {
  let text = ''
  for (let left = random.below(4); left > 0; left--) {
    const size = 1 + random.below(DATA.length)
    const digits = random.mostly(['', '', '0'], ['0x', '+', '-', ' ', '10000000000000000'], 12)
    const extension = random.mostly(EXTENSIONS, ODD_EXTENSIONS, 6)
    text += `${digits}${size.toString(16)}${extension}\r\n${DATA.slice(0, size)}\r\n`
  }
  const trailers = random.mostly(TRAILERS, ODD_TRAILERS, 6)
  return `${text}0${random.mostly(EXTENSIONS, ODD_EXTENSIONS, 6)}\r\n${trailers}\r\n`
}

/** Header lines that frame a body, and the body. */
function framed(random: Seeded): { lines: string[]; body: string } {
  const kind = random.mostly(['none', 'length', 'chunked'], ['odd'], 4)
  if (kind === 'none') return { lines: [], body: '' }
  if (kind === 'chunked') return { lines: ['Transfer-Encoding: chunked'], body: chunks(random) }
  if (kind === 'odd') {
    const lines = [random.pick(ODD_FRAMINGS)]
    if (random.once(3)) lines.push(random.pick(ODD_FRAMINGS))
    return { lines, body: random.once(2) ? 'abc' : chunks(random) }
  }
  const body = DATA.slice(0, random.below(DATA.length))
  return { lines: [`Content-Length: ${body.length}`], body }
}

function message(random: Seeded, firstLine: string, hosts: readonly string[]): string {
  const { lines, body } = framed(random)
  const all = [...hosts, ...lines]
  for (let more = random.below(4); more > 0; more--) {
    all.splice(random.below(all.length + 1), 0, random.mostly(HEADERS, ODD_HEADERS, 8))
  }
  return `${firstLine}\r\n${all.map((line) => `${line}\r\n`).join('')}\r\n${body}`
}

function request(random: Seeded): string {
  const method = random.mostly(METHODS, ODD_METHODS, 12)
  const target = random.mostly(TARGETS, ODD_TARGETS, 12)
  const version = random.mostly(VERSIONS, ODD_VERSIONS, 12)
  // An absolute target goes with one of its own hosts only.
  const hosts = target.startsWith('/') ? HOSTS : ['a']
  const before = random.mostly(['', '', '', '\r\n'], ['\n', '\r', ' ', '\r\n\r\n\r\n'], 12)
  return `${before}${message(random, `${method} ${target} ${version}`, [
    `Host: ${random.mostly(hosts, ODD_HOSTS, 12)}`,
  ])}`
}

function response(random: Seeded): string {
  const version = random.mostly(VERSIONS, ODD_VERSIONS, 12)
  return message(random, `${version} ${random.mostly(STATUSES, ODD_STATUSES, 12)}`, [])
}

/** Changes a few bytes at random places, as one who tries out a parser would. */
function mutated(random: Seeded, text: string): string {
  let changed = text
  for (let times = 1 + random.below(3); times > 0; times--) {
    const at = random.below(changed.length + 1)
    const end = Math.min(changed.length, at + 1 + random.below(random.once(4) ? 30 : 2))
    const inserted = random.once(5)
      ? String.fromCharCode(random.below(256))
      : random.pick(['', ...INSERTIONS])
    // Inserted, put in the place of some bytes, or after bytes that then come twice.
    changed =
      changed.slice(0, random.pick([at, at, end])) +
      inserted +
      changed.slice(random.pick([at, end]))
  }
  return changed
}

function connection(random: Seeded, one: (random: Seeded) => string): Buffer {
  random.allowsOddities = random.once(3)
  let text = ''
  for (let messages = random.pick([1, 1, 1, 2, 2, 3]); messages > 0; messages--) text += one(random)
  if (random.once(3)) text = mutated(random, text)
  return Buffer.from(text, 'latin1')
}

/** What a client might send on one connection. */
export function requestBytes(random: Seeded): Buffer {
  return connection(random, request)
}

/** What a server might send on one connection. */
export function responseBytes(random: Seeded): Buffer {
  return connection(random, response)
}
