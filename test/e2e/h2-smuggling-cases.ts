import type { RawField } from './support/raw-h2-client.ts'

/** How a request arrives. Its line is the one that HTTP/1.1 has for it. */
export interface Arrival {
  readonly body: string
  readonly host: string
  /** Fields that it has, each once. */
  readonly headers: readonly RawField[]
}

/**
 * What becomes of a request:
 *
 * - `refused`: its stream is reset or answered with an error; no byte of it reaches a server;
 * - `cut`: what comes of its content is wrong: an error too, and a server has at most the beginning
 *   of one message on a connection, or stream, that ends;
 * - `emptied`: it has said that it has no content, and a server has at most that one request;
 * - an arrival: the server gets exactly one message.
 */
export type H2Fate = 'refused' | 'cut' | 'emptied' | Arrival

/** One attempt. Its last frame ends the stream. */
export interface H2Case {
  readonly what: string
  readonly fields: readonly RawField[]
  /** Of each frame of DATA. */
  readonly content: readonly string[]
  /** Null: there are none. */
  readonly trailers: readonly RawField[] | null
  readonly fate: H2Fate
}

/** Attempts of one kind. */
export type H2Class = readonly [title: string, cases: readonly H2Case[]]

/** The request that is to reach nobody. */
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
const CHUNKS = `0\r\n\r\n${SMUGGLED}`
const START: readonly RawField[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/case'],
  [':authority', 'a'],
]

/** It arrives as HTTP/1.1 has it: without content and with nothing more to tell, unless said otherwise. */
function arrives(more: Partial<Arrival> = {}): Arrival {
  return { body: '', host: 'a', headers: [], ...more }
}

/** A GET without content. */
function get(what: string, more: readonly RawField[], fate: H2Fate = 'refused'): H2Case {
  return { what, fields: [...START, ...more], content: [], trailers: null, fate }
}

/** A GET without content, one of whose pseudo-header fields is another; null: is not there. */
function pseudo(
  what: string,
  name: string,
  value: string | null,
  fate: H2Fate = 'refused',
  more: readonly RawField[] = [],
): H2Case {
  const fields = START.flatMap((field): RawField[] => {
    if (field[0] !== name) return [field]
    return value === null ? [] : [[name, value]]
  })
  return { what, fields: [...fields, ...more], content: [], trailers: null, fate }
}

/** A POST with these frames of content. */
function post(
  what: string,
  more: readonly RawField[],
  content: readonly string[],
  fate: H2Fate,
  trailers: readonly RawField[] | null = null,
): H2Case {
  return {
    what,
    fields: [[':method', 'POST'], ...START.slice(1), ...more],
    content,
    trailers,
    fate,
  }
}

/** A POST of five bytes whose content-length is written so. */
function lengths(what: string, ...values: readonly string[]): H2Case {
  const fields = values.map((value): RawField => ['content-length', value])
  return post(what, fields, ['hello'], 'refused')
}

/** A POST of five bytes with these trailers. */
function trailing(what: string, trailers: readonly RawField[], fate: H2Fate = 'cut'): H2Case {
  return post(what, [], ['hello'], fate, trailers)
}

/** A CONNECT that names no more than whom to reach, unless more is given. */
function connect(
  what: string,
  authority: string,
  more: readonly RawField[],
  content: readonly string[] = [],
): H2Case {
  const fields: RawField[] = [[':method', 'CONNECT'], [':authority', authority], ...more]
  return { what, fields, content, trailers: null, fate: 'refused' }
}

const contentLength: H2Case[] = [
  post('the length that comes', [['content-length', '5']], ['hello'], arrives({ body: 'hello' })),
  post('none that is told', [], [SMUGGLED], arrives({ body: SMUGGLED })),
  post(
    'a request within its length',
    [['content-length', '38']],
    [SMUGGLED.padEnd(38, 'x')],
    arrives({ body: SMUGGLED.padEnd(38, 'x') }),
  ),
  post('H2.CL', [['content-length', '0']], [SMUGGLED], 'emptied'),
  post('a request beyond the length', [['content-length', '5']], [`hello${SMUGGLED}`], 'cut'),
  post('a frame beyond the length', [['content-length', '5']], ['hello', SMUGGLED], 'cut'),
  post('a byte beyond the length', [['content-length', '5']], ['hello', '!'], 'cut'),
  post('a byte below the length', [['content-length', '6']], ['hello'], 'cut'),
  post('the end before a content', [['content-length', '99']], [''], 'cut'),
  get('the end with a length', [['content-length', '5']]),
  get('the end with a length of 0', [['content-length', '0']], arrives()),
  lengths('two that differ', '5', '6'),
  lengths('two that differ, the first is 0', '0', '5'),
  lengths('a list that differs', '5, 6'),
  lengths('a sign', '+5'),
  lengths('below 0', '-5'),
  lengths('hexadecimal', '0x5'),
  lengths('with an exponent', '5e0'),
  lengths('with a fraction', '5.0'),
  lengths('blanks within', '5 5'),
  lengths('a blank before', ' 5'),
  lengths('a blank behind', '5 '),
  lengths('a tab behind', '5\t'),
  lengths('nothing', ''),
  lengths('no digits', 'five'),
  lengths('beyond 64 bits', '18446744073709551621'),
  lengths('NUL behind', '5\0'),
  lengths('a line behind', '5\r\ntransfer-encoding: chunked'),
]

const transferEncoding: H2Case[] = [
  ...[
    'chunked',
    'Chunked',
    'identity',
    'xchunked',
    'chunked, identity',
    'gzip, chunked',
    '',
    'chunked\0',
    ' chunked',
  ].map((value) => {
    return post(`H2.TE: '${value}'`, [['transfer-encoding', value]], [CHUNKS], 'refused')
  }),
  ...[
    'Transfer-Encoding',
    'transfer-encoding ',
    ' transfer-encoding',
    '\ttransfer-encoding',
    'transfer-encoding\0',
    'transfer-encoding:',
    'transfer encoding',
    'x: 1\r\ntransfer-encoding',
    'x\ntransfer-encoding',
    'transfer-encoding: chunked\r\nx',
  ].map((name) => {
    return post(`H2.TE by the name '${name}'`, [[name, 'chunked']], [CHUNKS], 'refused')
  }),
  post(
    'with a length',
    [
      ['content-length', '5'],
      ['transfer-encoding', 'chunked'],
    ],
    ['hello'],
    'refused',
  ),
  get('without content', [['transfer-encoding', 'chunked']]),
  post('chunks in the content', [], [CHUNKS], arrives({ body: CHUNKS })),
  post(
    'chunks in a content of some length',
    [['content-length', '5']],
    ['0\r\n\r\n'],
    arrives({ body: '0\r\n\r\n' }),
  ),
]

const INJECTION = `/smuggled HTTP/1.1\r\nHost: a\r\n\r\n${SMUGGLED}`

const requestLine: H2Case[] = [
  pseudo('a request in the method', ':method', `GET ${INJECTION}`),
  pseudo('a target in the method', ':method', 'GET /smuggled'),
  pseudo('a line in the method', ':method', 'GET / HTTP/1.1\r\nx: y'),
  pseudo('LF in the method', ':method', 'GET\n'),
  pseudo('NUL in the method', ':method', 'GET\0'),
  pseudo('a blank before the method', ':method', ' GET'),
  pseudo('a colon in the method', ':method', 'GET:'),
  pseudo('a method of nothing', ':method', ''),
  pseudo('beyond ASCII in the method', ':method', 'G\xc9T'),
  pseudo('a method of its own', ':method', 'get', arrives()),
  pseudo('a request in the path', ':path', INJECTION),
  pseudo('a version in the path', ':path', '/smuggled HTTP/1.1'),
  pseudo('a header in the path', ':path', '/smuggled HTTP/1.1\r\ntransfer-encoding: chunked\r\nx:'),
  pseudo('a blank in the path', ':path', '/smuggled x'),
  pseudo('a tab in the path', ':path', '/smuggled\tx'),
  pseudo('CR in the path', ':path', '/smuggled\r'),
  pseudo('LF in the path', ':path', '/smuggled\nx: y'),
  pseudo('NUL in the path', ':path', '/smuggled\0'),
  pseudo('DEL in the path', ':path', '/smuggled\x7f'),
  pseudo('a fragment in the path', ':path', '/smuggled#x'),
  pseudo('a path of nothing', ':path', ''),
  pseudo('a relative path', ':path', 'smuggled'),
  pseudo('a query alone', ':path', '?smuggled'),
  pseudo('an absolute form', ':path', 'http://b/smuggled'),
  pseudo('an authority form', ':path', 'b:80'),
  pseudo('an asterisk for GET', ':path', '*'),
  pseudo('an asterisk and more', ':path', '*/smuggled'),
  pseudo('two slashes', ':path', '//b/case', arrives()),
  pseudo('line ends in percent code', ':path', '/case%0d%0a%20?%00', arrives()),
  {
    ...pseudo('an asterisk for OPTIONS', ':path', '*', arrives()),
    fields: [[':method', 'OPTIONS'], START[1] as RawField, [':path', '*'], [':authority', 'a']],
  },
]

const fields: H2Case[] = [
  get('CRLF in a value', [['x-a', 'b\r\nx-smuggled: 1']]),
  get('a request in a value', [['x-a', `b\r\n\r\n${SMUGGLED}`]]),
  get('CR in a value', [['x-a', 'b\rx-smuggled: 1']]),
  get('LF in a value', [['x-a', 'b\nx-smuggled: 1']]),
  get('NUL in a value', [['x-a', 'b\0c']]),
  get('a fold in a value', [['x-a', 'b\r\n c']]),
  get('a control character in a value', [['x-a', 'b\x01']]),
  get('DEL in a value', [['x-a', 'b\x7f']]),
  get('a blank before a value', [['x-a', ' b']]),
  get('a blank behind a value', [['x-a', 'b ']]),
  get('a tab behind a value', [['x-a', 'b\t']]),
  get('CRLF behind a value', [['x-a', 'b\r\n']]),
  get('a value of nothing', [['x-a', '']], arrives({ headers: [['x-a', '']] })),
  get('a tab within a value', [['x-a', 'b\tc']], arrives({ headers: [['x-a', 'b\tc']] })),
  get('beyond ASCII in a value', [['x-a', 'b\xff']], arrives({ headers: [['x-a', 'b\xff']] })),
  get(
    'line ends beyond latin1',
    [['x-a', 'b\xe5\x98\x8a\xe5\x98\x8d']],
    arrives({ headers: [['x-a', 'b\xe5\x98\x8a\xe5\x98\x8d']] }),
  ),
  get('CRLF in a name', [['x-a: b\r\nx-smuggled', '1']]),
  get('a request in a name', [[`x-a: b\r\n\r\n${SMUGGLED}x`, '1']]),
  get('CR in a name', [['x-a\r', 'b']]),
  get('LF in a name', [['x-a\n', 'b']]),
  get('NUL in a name', [['x-a\0', 'b']]),
  get('a colon in a name', [['x-a:b', 'c']]),
  get('a colon behind a name', [['host:', 'b']]),
  get('a blank before a name', [[' x-a', 'b']]),
  get('a blank behind a name', [['x-a ', 'b']]),
  get('a blank within a name', [['x a', 'b']]),
  get('a name of nothing', [['', 'b']]),
  get('a name in upper case', [['X-A', 'b']]),
  get('one upper-case letter', [['x-A', 'b']]),
  get('beyond ASCII in a name', [['x-\xe4', 'b']]),
  get('a separator in a name', [['x(a', 'b']]),
  get('the request line as a name', [['get /smuggled http/1.1', '1']]),
]

const pseudoFields: H2Case[] = [
  ...START.map((field) => ({ ...get(`${field[0]} twice`, []), fields: [field, ...START] })),
  pseudo('no method', ':method', null),
  pseudo('no scheme', ':scheme', null),
  pseudo('no path', ':path', null),
  { ...get('none at all', []), fields: [['host', 'a']] },
  { ...get('behind a field', []), fields: [['x-a', 'b'], ...START] },
  get('twice, behind a field', [
    ['x-a', 'b'],
    [':path', '/smuggled'],
  ]),
  get('one that nobody knows', [[':smuggled', '1']]),
  get('one of responses', [[':status', '200']]),
  get('a name of nothing', [[':', '1']]),
  get('in upper case', [[':Path', '/smuggled']]),
  get('a blank behind the name', [[':path ', '/smuggled']]),
  get('a protocol without CONNECT', [[':protocol', 'websocket']]),
  pseudo('another scheme', ':scheme', 'ftp'),
  pseudo('a scheme of nothing', ':scheme', ''),
  pseudo('a URI as the scheme', ':scheme', 'http://b/smuggled?'),
  pseudo('a line as the scheme', ':scheme', 'http\r\nx-smuggled: 1'),
]

const hosts: H2Case[] = [
  get('another one', [['host', 'b']]),
  get('another port', [['host', 'a:81']]),
  get('one more letter', [['host', 'a.']]),
  get('a line behind it', [['host', 'a\r\nx-smuggled: 1']]),
  get('nothing', [['host', '']]),
  get('twice', [
    ['host', 'a'],
    ['host', 'a'],
  ]),
  get('twice and different', [
    ['host', 'a'],
    ['host', 'b'],
  ]),
  get('a list', [['host', 'a, b']]),
  get('the same', [['host', 'a']], arrives()),
  get('the same in upper case', [['host', 'A']], arrives()),
  get('the same with its port', [['host', 'a:80']], arrives()),
  pseudo('host alone', ':authority', null, arrives({ host: 'b' }), [['host', 'b']]),
  pseudo('neither', ':authority', null),
  pseudo('host alone, twice', ':authority', null, 'refused', [
    ['host', 'a'],
    ['host', 'b'],
  ]),
  pseudo('an authority of nothing', ':authority', ''),
  pseudo('an authority of nothing, and a host', ':authority', '', 'refused', [['host', 'a']]),
  pseudo('a user in the authority', ':authority', 'b@a'),
  pseudo('a path in the authority', ':authority', 'a/smuggled'),
  pseudo('a query in the authority', ':authority', 'a?smuggled'),
  pseudo('a fragment in the authority', ':authority', 'a#smuggled'),
  pseudo('a backslash in the authority', ':authority', 'a\\smuggled'),
  pseudo('a blank in the authority', ':authority', 'a b'),
  pseudo('a comma in the authority', ':authority', 'a,b:c'),
  pseudo('a port that is none', ':authority', 'a:8x'),
  pseudo('a port too high', ':authority', 'a:65536'),
  pseudo('two ports', ':authority', 'a:80:81'),
  pseudo('no name before the port', ':authority', ':80'),
  pseudo('a line in the authority', ':authority', 'a\r\nx-smuggled: 1'),
  pseudo('a request in the authority', ':authority', `a\r\n\r\n${SMUGGLED}`),
  pseudo('NUL in the authority', ':authority', 'a\0'),
]

const connectionFields: H2Case[] = [
  get('connection', [['connection', 'close']]),
  get('a field that connection names', [
    ['connection', 'content-length'],
    ['content-length', '0'],
  ]),
  get('connection of nothing', [['connection', '']]),
  get('keep-alive', [['keep-alive', 'timeout=5']]),
  get('proxy-connection', [['proxy-connection', 'keep-alive']]),
  get('an upgrade to h2c', [['upgrade', 'h2c']]),
  get('an upgrade to WebSockets', [['upgrade', 'websocket']]),
  get('te beside trailers', [['te', 'trailers, chunked']]),
  get('te with a coding', [['te', 'chunked']]),
  get('te with a weight', [['te', 'trailers;q=0.5']]),
  get('te of nothing', [['te', '']]),
  get('te as it may be', [['te', 'trailers']], arrives()),
]

const cookies: H2Case[] = [
  get(
    'in crumbs',
    [
      ['cookie', 'a=1'],
      ['x-a', 'b'],
      ['cookie', 'b=2'],
    ],
    arrives({ headers: [['cookie', 'a=1; b=2']] }),
  ),
  get(
    'an empty crumb',
    [
      ['cookie', ''],
      ['cookie', 'b=2'],
    ],
    arrives({ headers: [['cookie', 'b=2']] }),
  ),
  get('a line in a crumb', [
    ['cookie', 'a=1'],
    ['cookie', 'b=2\r\nx-smuggled: 1'],
  ]),
  get('a line end behind a crumb', [
    ['cookie', 'a=1\r\n'],
    ['cookie', 'b=2'],
  ]),
  get('a blank behind a crumb', [
    ['cookie', 'a=1; '],
    ['cookie', 'b=2'],
  ]),
  get('in upper case', [['Cookie', 'a=1']]),
]

const trailers: H2Case[] = [
  trailing('some', [['x-a', 'b']], arrives({ body: 'hello' })),
  trailing('none', [], arrives({ body: 'hello' })),
  trailing('of who it is', [['authorization', 'b']], arrives({ body: 'hello' })),
  post('behind a length', [['content-length', '5']], ['hello'], arrives({ body: 'hello' }), [
    ['x-a', 'b'],
  ]),
  post('before the end of a length', [['content-length', '6']], ['hello'], 'cut', [['x-a', 'b']]),
  post('in place of a content', [['content-length', '5']], [], 'cut', [['x-a', 'b']]),
  trailing('transfer-encoding', [['transfer-encoding', 'chunked']]),
  trailing('content-length', [['content-length', '5']]),
  trailing('host', [['host', 'b']]),
  trailing('connection', [['connection', 'close']]),
  trailing('te with a coding', [['te', 'chunked']]),
  trailing('a pseudo-header field', [[':path', '/smuggled']]),
  trailing('one of responses', [[':status', '200']]),
  trailing('a line in a value', [['x-a', 'b\r\nx-smuggled: 1']]),
  trailing('a request in a value', [['x-a', `b\r\n\r\n${SMUGGLED}`]]),
  trailing('a line in a name', [['x-a: b\r\nx-smuggled', '1']]),
  trailing('a name in upper case', [['X-A', 'b']]),
  trailing('a name of nothing', [['', 'b']]),
  trailing('a blank before a value', [['x-a', ' b']]),
]

const tunnels: H2Case[] = [
  connect('alone', 'a:80', []),
  connect('with a request', 'a:80', [], [SMUGGLED]),
  connect('with a length and a request', 'a:80', [['content-length', '5']], [`hello${SMUGGLED}`]),
  connect('with transfer-encoding', 'a:80', [['transfer-encoding', 'chunked']], [CHUNKS]),
  connect('without a port', 'a', []),
  connect('with a line', 'a:80\r\nx-smuggled: 1', []),
  connect('with a path', 'a:80', [[':path', '/smuggled']]),
  connect('with all of a request', 'a', [
    [':scheme', 'http'],
    [':path', '/smuggled'],
  ]),
  connect('with another host', 'a:80', [['host', 'b:80']]),
  connect('to a protocol that nobody knows', 'a', [
    [':protocol', 'smuggled'],
    [':scheme', 'http'],
    [':path', '/smuggled'],
  ]),
  connect('to a WebSocket, with a length', 'a', [
    [':protocol', 'websocket'],
    [':scheme', 'http'],
    [':path', '/smuggled'],
    ['content-length', '5'],
  ]),
]

/** What has been tried against proxies that speak HTTP/2 with clients, and then some. */
export const H2_CLASSES: readonly H2Class[] = [
  ['content-length', contentLength],
  ['transfer-encoding', transferEncoding],
  ['the request line', requestLine],
  ['fields', fields],
  ['pseudo-header fields', pseudoFields],
  ['host and authority', hosts],
  ['fields of a connection', connectionFields],
  ['cookies', cookies],
  ['trailers', trailers],
  ['CONNECT', tunnels],
]
