/**
 * What becomes of a request:
 *
 * - `refused`: answered with an error; no byte of it reaches a server;
 * - `cut`: its body is broken: an error too, and the server is left with the beginning of one
 *   message on a connection that ends;
 * - `forwarded`: the server gets exactly one message, with this body.
 */
export type Fate = 'refused' | 'cut' | { readonly body: string }

/** One attempt: what it tries, its bytes, and what is to become of it. */
export type RequestCase = readonly [what: string, bytes: string, fate: Fate]

/** Attempts of one kind. */
export type RequestClass = readonly [title: string, cases: readonly RequestCase[]]

/** The request that is to reach nobody. */
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
const SMUGGLED_SIZE = SMUGGLED.length.toString(16)
const EMPTY = { body: '' }
const HELLO = { body: 'hello' }
const HELLO_CHUNK = '5\r\nhello\r\n'
const LAST_CHUNK = '0\r\n\r\n'
const CHUNKED = 'Transfer-Encoding: chunked'

/** A GET with this line among its headers. */
function get(line: string): string {
  return `GET /case HTTP/1.1\r\nHost: a\r\n${line}\r\nX-Last: 1\r\n\r\n`
}

/** A POST with these lines and a body. */
function post(lines: string, body: string): string {
  return `POST /case HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n${body}`
}

/** A chunked POST with this body, framing and all. */
function chunked(body: string): string {
  return post(CHUNKED, body)
}

/** A chunked body that spells another Transfer-Encoding. */
function coding(line: string): string {
  return post(line, `${HELLO_CHUNK}${LAST_CHUNK}`)
}

/** A request whose Content-Length is written so. */
function length(value: string): string {
  return post(`Content-Length: ${value}`, 'hello')
}

/** A request with this first line. */
function line(text: string): string {
  return `${text}\r\nHost: a\r\n\r\n`
}

const both: RequestCase[] = [
  ['CL.TE', post(`Content-Length: 6\r\n${CHUNKED}`, '0\r\n\r\nG'), 'refused'],
  [
    'CL.TE, a whole request',
    post(`Content-Length: 50\r\n${CHUNKED}`, LAST_CHUNK + SMUGGLED),
    'refused',
  ],
  [
    'CL.TE, names in lower case',
    post('content-length: 6\r\ntransfer-encoding: chunked', '0\r\n\r\nG'),
    'refused',
  ],
  ['CL.TE, length 0', post(`Content-Length: 0\r\n${CHUNKED}`, LAST_CHUNK), 'refused'],
  ['CL.TE, both agree', post(`Content-Length: 5\r\n${CHUNKED}`, LAST_CHUNK), 'refused'],
  [
    'CL.TE, far apart',
    post(`Content-Length: 6\r\nA: 1\r\nB: 2\r\nC: 3\r\n${CHUNKED}`, '0\r\n\r\nG'),
    'refused',
  ],
  [
    'TE.CL',
    post(`${CHUNKED}\r\nContent-Length: 4`, `${SMUGGLED_SIZE}\r\n${SMUGGLED}\r\n0\r\n\r\n`),
    'refused',
  ],
  ['TE.CL, length 0', post(`${CHUNKED}\r\nContent-Length: 0`, LAST_CHUNK), 'refused'],
  ['TE.CL, a broken length', post(`${CHUNKED}\r\nContent-Length: x`, LAST_CHUNK), 'refused'],
  ['TE.CL, an empty length', post(`${CHUNKED}\r\nContent-Length:`, LAST_CHUNK), 'refused'],
  [
    'TE.CL in a GET',
    `GET /case HTTP/1.1\r\nHost: a\r\n${CHUNKED}\r\nContent-Length: 4\r\n\r\n${LAST_CHUNK}`,
    'refused',
  ],
  [
    'an unknown coding and a length',
    post('Transfer-Encoding: gzip\r\nContent-Length: 5', 'hello'),
    'refused',
  ],
  [
    'identity and a length',
    post('Transfer-Encoding: identity\r\nContent-Length: 5', 'hello'),
    'refused',
  ],
  [
    'an empty coding and a length',
    post('Transfer-Encoding:\r\nContent-Length: 5', 'hello'),
    'refused',
  ],
]

const obfuscatedCodings: RequestCase[] = [
  ['chunked', coding(CHUNKED), HELLO],
  ['the name in odd case', coding('tRANSFER-eNCODING: chunked'), HELLO],
  ['the value in odd case', coding('Transfer-Encoding: cHuNkEd'), HELLO],
  ['no space after the colon', coding('Transfer-Encoding:chunked'), HELLO],
  ['many spaces', coding('Transfer-Encoding:     chunked   '), HELLO],
  ['xchunked', coding('Transfer-Encoding: xchunked'), 'refused'],
  ['chunkedx', coding('Transfer-Encoding: chunkedx'), 'refused'],
  ['a quoted value', coding('Transfer-Encoding: "chunked"'), 'refused'],
  ['chunked twice in a list', coding('Transfer-Encoding: chunked, chunked'), 'refused'],
  ['chunked twice in lines', coding(`${CHUNKED}\r\n${CHUNKED}`), 'refused'],
  ['chunked, then x', coding(`${CHUNKED}\r\nTransfer-Encoding: x`), 'refused'],
  ['x, then chunked', coding(`Transfer-Encoding: x\r\n${CHUNKED}`), 'refused'],
  ['chunked, then identity', coding('Transfer-Encoding: chunked, identity'), 'refused'],
  ['identity, then chunked', coding('Transfer-Encoding: identity, chunked'), 'refused'],
  ['gzip, then chunked', coding('Transfer-Encoding: gzip, chunked'), 'refused'],
  ['an empty element before', coding('Transfer-Encoding: ,chunked'), 'refused'],
  ['an empty element behind', coding('Transfer-Encoding: chunked,'), 'refused'],
  ['a parameter', coding('Transfer-Encoding: chunked;q=1'), 'refused'],
  ['a tab behind', coding('Transfer-Encoding: chunked\t'), 'refused'],
  ['a vertical tab before', coding('Transfer-Encoding: \x0bchunked'), 'refused'],
  ['a vertical tab behind', coding('Transfer-Encoding: chunked\x0b'), 'refused'],
  ['a form feed before', coding('Transfer-Encoding: \x0cchunked'), 'refused'],
  ['a NUL behind', coding('Transfer-Encoding: chunked\0'), 'refused'],
  ['a no-break space before', coding('Transfer-Encoding: \xa0chunked'), 'refused'],
  ['a byte above ASCII before', coding('Transfer-Encoding: \xffchunked'), 'refused'],
  ['a space before the colon', coding('Transfer-Encoding : chunked'), 'refused'],
  ['a tab before the colon', coding('Transfer-Encoding\t: chunked'), 'refused'],
  ['a space before the name', coding(' Transfer-Encoding: chunked'), 'refused'],
  ['a NUL in the name', coding('Transfer\0-Encoding: chunked'), 'refused'],
  ['a line folded into the value', coding('Transfer-Encoding:\r\n chunked'), 'refused'],
  ['hidden behind a bare LF', post(`Content-Length: 5\r\nX: 1\n${CHUNKED}`, 'hello'), 'refused'],
  ['hidden behind a bare CR', post(`Content-Length: 5\r\nX: 1\r${CHUNKED}`, 'hello'), 'refused'],
  ['hidden behind a NUL', post(`Content-Length: 5\r\nX: 1\0\r\n${CHUNKED}`, 'hello'), 'refused'],
  [
    'an underscore in the name, and a length',
    post('Transfer_Encoding: chunked\r\nContent-Length: 5', 'hello'),
    HELLO,
  ],
  [
    'another name that ends alike',
    post('X-Transfer-Encoding: chunked\r\nContent-Length: 5', 'hello'),
    HELLO,
  ],
]

const lengths: RequestCase[] = [
  ['a plain length', length('5'), HELLO],
  ['leading zeros', length('0005'), HELLO],
  ['spaces around', length('  5  '), HELLO],
  ['twice, alike', length('5\r\nContent-Length: 5'), 'refused'],
  ['twice, unlike', length('5\r\nContent-Length: 0'), 'refused'],
  ['twice, in another case', length('5\r\ncontent-length: 6'), 'refused'],
  ['a list, alike', length('5, 5'), 'refused'],
  ['a list, unlike', length('5, 0'), 'refused'],
  ['a list with an empty element', length('5,'), 'refused'],
  ['a plus sign', length('+5'), 'refused'],
  ['a minus sign', length('-5'), 'refused'],
  ['minus zero', length('-0'), 'refused'],
  ['a fraction', length('5.0'), 'refused'],
  ['an exponent', length('5e0'), 'refused'],
  ['a hexadecimal number', length('0x5'), 'refused'],
  ['an octal number', length('0o5'), 'refused'],
  ['digits apart', length('5 0'), 'refused'],
  ['an underscore between digits', length('1_0'), 'refused'],
  ['quotes', length('"5"'), 'refused'],
  ['a parameter', length('5;a=1'), 'refused'],
  ['a letter behind', length('5a'), 'refused'],
  ['nothing', length(''), 'refused'],
  ['a tab behind', length('5\t'), 'refused'],
  ['a vertical tab behind', length('5\x0b'), 'refused'],
  ['a NUL behind', length('5\0'), 'refused'],
  ['a byte above ASCII', length('\xb25'), 'refused'],
  ['2^53', length('9007199254740992'), 'refused'],
  ['2^64 + 5', length('18446744073709551621'), 'refused'],
  ['leading zeros without end', length(`${'0'.repeat(64)}5`), 'refused'],
  ['a space before the colon', post('Content-Length : 5', 'hello'), 'refused'],
  ['folded', post('Content-Length:\r\n 5', 'hello'), 'refused'],
  ['an underscore in the name', get('Content_Length: 37'), EMPTY],
]

const noLength: RequestCase[] = [
  [
    'CL.0: a request in the body',
    post(`Content-Length: ${SMUGGLED.length}`, SMUGGLED),
    { body: SMUGGLED },
  ],
  [
    'CL.0 in a GET',
    `GET /case HTTP/1.1\r\nHost: a\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    { body: SMUGGLED },
  ],
  [
    'CL.0 in a DELETE',
    `DELETE /case HTTP/1.1\r\nHost: a\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    { body: SMUGGLED },
  ],
  [
    'CL.0 in an unknown method',
    `BREW /case HTTP/1.1\r\nHost: a\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    { body: SMUGGLED },
  ],
  [
    'TE.0: a request in a chunk',
    chunked(`${SMUGGLED_SIZE}\r\n${SMUGGLED}\r\n${LAST_CHUNK}`),
    { body: SMUGGLED },
  ],
  [
    'TE.0 in an OPTIONS',
    `OPTIONS /case HTTP/1.1\r\nHost: a\r\n${CHUNKED}\r\n\r\n${SMUGGLED_SIZE}\r\n${SMUGGLED}\r\n${LAST_CHUNK}`,
    { body: SMUGGLED },
  ],
  [
    'a chunk that looks like the last',
    chunked(`5\r\n0\r\n\r\n\r\n${LAST_CHUNK}`),
    { body: '0\r\n\r\n' },
  ],
  [
    'a body of line ends',
    post('Content-Length: 8', '\r\n\r\n\r\n\r\n'),
    { body: '\r\n\r\n\r\n\r\n' },
  ],
  ['a body of NUL', post('Content-Length: 3', '\0\0\0'), { body: '\0\0\0' }],
  ['length 0', post('Content-Length: 0', ''), EMPTY],
  ['no framing at all', `POST /case HTTP/1.1\r\nHost: a\r\n\r\n`, EMPTY],
  ['a chunked body without data', chunked(LAST_CHUNK), EMPTY],
]

const chunkSizes: RequestCase[] = [
  ['leading zeros', chunked(`0005\r\nhello\r\n${LAST_CHUNK}`), HELLO],
  ['a last chunk of many zeros', chunked(`${HELLO_CHUNK}0000\r\n\r\n`), HELLO],
  [
    'hexadecimal in upper case',
    chunked(`A\r\n0123456789\r\n${LAST_CHUNK}`),
    { body: '0123456789' },
  ],
  ['0x', chunked(`0x5\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['a plus sign', chunked(`+5\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['a minus sign', chunked(`-5\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['a space before', chunked(` 5\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['a space behind', chunked(`5 \r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['a tab behind', chunked(`5\t\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['an underscore', chunked(`0_5\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['a letter beyond f', chunked(`5g\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['an h behind', chunked(`5h\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['a comma', chunked(`5,\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['a NUL', chunked(`5\0\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['a full-width digit', chunked(`\xef\xbc\x95\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['nothing', chunked(`\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['2^53', chunked(`20000000000000\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['2^64 + 5', chunked(`10000000000000005\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['all ones in 64 bits', chunked(`ffffffffffffffff\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['leading zeros without end', chunked(`${'0'.repeat(64)}5\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['less than the data', chunked(`4\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['more than the data', chunked(`7\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['data that ends in LF alone', chunked(`5\r\nhello\n${LAST_CHUNK}`), 'cut'],
  ['data that ends in CR alone', chunked(`5\r\nhello\r${LAST_CHUNK}`), 'cut'],
  ['data without an end', chunked(`5\r\nhello${LAST_CHUNK}`), 'cut'],
  ['a line that ends in LF alone', chunked(`5\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['a line that ends in CR alone', chunked(`5\rhello\r\n${LAST_CHUNK}`), 'cut'],
  ['a line that ends in CRCRLF', chunked(`5\r\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['a last chunk with LF alone', chunked(`${HELLO_CHUNK}0\n\n`), 'cut'],
  ['a last chunk with LF alone at the very end', chunked(`${HELLO_CHUNK}0\r\n\n`), 'cut'],
  ['a last chunk with CR alone', chunked(`${HELLO_CHUNK}0\r\n\rX`), 'cut'],
]

const chunkExtensions: RequestCase[] = [
  ['a name', chunked(`5;a\r\nhello\r\n${LAST_CHUNK}`), HELLO],
  ['a name and a value', chunked(`5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n`), HELLO],
  ['a request in quotes', chunked(`5;a="GET /smuggled"\r\nhello\r\n${LAST_CHUNK}`), HELLO],
  ['an LF alone that ends it for some', chunked(`5;\nxx\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['an LF alone within', chunked(`5;a\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['an LF alone in quotes', chunked(`5;a="\n"\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['a CRLF in quotes', chunked(`5;a="\r\n"\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['a CR alone within', chunked(`5;a\rb\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['a NUL within', chunked(`5;a\0\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['no name', chunked(`5;\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['no value', chunked(`5;a=\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['spaces around the semicolon', chunked(`5 ; a\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  ['a quote that is not closed', chunked(`5;a="b\r\nhello\r\n${LAST_CHUNK}`), 'cut'],
  [
    'more than a buffer of them',
    chunked(`5;a=${'b'.repeat(20_000)}\r\nhello\r\n${LAST_CHUNK}`),
    'cut',
  ],
  ['many small ones', chunked(`1;aaaaaaaaaaaaaaaaaaaa\r\nx\r\n`.repeat(1000) + LAST_CHUNK), 'cut'],
]

const lineEnds: RequestCase[] = [
  ['LF alone after the request line', 'GET /case HTTP/1.1\nHost: a\r\n\r\n', 'refused'],
  ['LF alone after a header', 'GET /case HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n', 'refused'],
  ['LF alone at the end', 'GET /case HTTP/1.1\r\nHost: a\r\n\n', 'refused'],
  ['LF alone throughout', 'GET /case HTTP/1.1\nHost: a\n\n', 'refused'],
  ['CR alone after the request line', 'GET /case HTTP/1.1\rHost: a\r\n\r\n', 'refused'],
  ['CR alone after a header', 'GET /case HTTP/1.1\r\nHost: a\rX: 1\r\n\r\n', 'refused'],
  ['CR alone throughout', 'GET /case HTTP/1.1\rHost: a\r\rGET', 'refused'],
  ['CRCRLF after the request line', 'GET /case HTTP/1.1\r\r\nHost: a\r\n\r\n', 'refused'],
  ['CRCRLF after a header', 'GET /case HTTP/1.1\r\nHost: a\r\r\n\r\n', 'refused'],
  ['CRCRLF at the end', 'GET /case HTTP/1.1\r\nHost: a\r\n\r\r\n', 'refused'],
  ['LFCR', 'GET /case HTTP/1.1\r\nHost: a\n\rX: 1\r\n\r\n', 'refused'],
  ['a vertical tab in place of a line end', get('A: 1\x0bB: 2'), 'refused'],
  [
    'NEL in place of a line end',
    post('Content-Length: 5\x85Transfer-Encoding: chunked', 'hello'),
    'refused',
  ],
  ['a NUL before the line end', get('A: 1\0'), 'refused'],
  ['an empty line before', `\r\n${line('GET /case HTTP/1.1')}`, EMPTY],
  ['an empty line of LF before', `\n${line('GET /case HTTP/1.1')}`, 'refused'],
  ['many empty lines before', '\r\n'.repeat(20) + line('GET /case HTTP/1.1'), 'refused'],
  ['a NUL before', `\0${line('GET /case HTTP/1.1')}`, 'refused'],
]

const headerNames: RequestCase[] = [
  ['every token character', get("!#$%&'*+-.^_`|~09azAZ: 1"), EMPTY],
  ['an underscore', get('X_Y: 1'), EMPTY],
  ['none', get(': 1'), 'refused'],
  ['none and no colon', get('=1'), 'refused'],
  ['no colon', get('broken'), 'refused'],
  ['a space before the colon', get('X : 1'), 'refused'],
  ['a tab before the colon', get('X\t: 1'), 'refused'],
  ['a space within', get('X Y: 1'), 'refused'],
  ['a space before the first one', 'GET /case HTTP/1.1\r\n Host: a\r\n\r\n', 'refused'],
  ['a control character', get('X\x01: 1'), 'refused'],
  ['a NUL', get('X\0: 1'), 'refused'],
  ['a vertical tab', get('X\x0b: 1'), 'refused'],
  ['DEL', get('X\x7f: 1'), 'refused'],
  ['a byte above ASCII', get('X\xe9: 1'), 'refused'],
  [
    'a letter that folds to ASCII',
    post('Tran\xc5\xbffer-Encoding: chunked\r\nContent-Length: 5', 'hello'),
    'refused',
  ],
  ['quotes', get('"X": 1'), 'refused'],
  ['parentheses', get('X(Y): 1'), 'refused'],
  ['a byte order mark', get('\xef\xbb\xbfX: 1'), 'refused'],
]

const headerValues: RequestCase[] = [
  ['none', get('X:'), EMPTY],
  ['bytes above ASCII', get('X: \xe9\xff'), EMPTY],
  ['a tab within', get('X: a\tb'), EMPTY],
  ['encoded line ends', get('X: a%0d%0aContent-Length: 37'), EMPTY],
  ['folded by a space', get('X: a\r\n b'), 'refused'],
  ['folded by a tab', get('X: a\r\n\tb'), 'refused'],
  ['folded into a framing header', get('X: a\r\n Content-Length: 37'), 'refused'],
  ['folded to nothing', get('X: a\r\n '), 'refused'],
  ['a NUL', get('X: a\0b'), 'refused'],
  ['a control character', get('X: a\x01b'), 'refused'],
  ['an escape', get('X: \x1b[31m'), 'refused'],
  ['DEL', get('X: a\x7f'), 'refused'],
  ['a CR', get('X: a\rb'), 'refused'],
]

const hosts: RequestCase[] = [
  ['missing', 'GET /case HTTP/1.1\r\n\r\n', 'refused'],
  ['missing with an absolute target', 'GET http://a/case HTTP/1.1\r\n\r\n', 'refused'],
  ['twice, alike', get('Host: a'), 'refused'],
  ['twice, unlike', get('Host: b'), 'refused'],
  ['twice, in another case', get('HOST: b'), 'refused'],
  ['a list', 'GET /case HTTP/1.1\r\nHost: a, b\r\n\r\n', 'refused'],
  ['a space within', 'GET /case HTTP/1.1\r\nHost: a b\r\n\r\n', 'refused'],
  ['a user', 'GET /case HTTP/1.1\r\nHost: user@a\r\n\r\n', 'refused'],
  ['a path', 'GET /case HTTP/1.1\r\nHost: a/b\r\n\r\n', 'refused'],
  ['a query', 'GET /case HTTP/1.1\r\nHost: a?b\r\n\r\n', 'refused'],
  ['a port that is no number', 'GET /case HTTP/1.1\r\nHost: a:b\r\n\r\n', 'refused'],
  ['a port beyond 65535', 'GET /case HTTP/1.1\r\nHost: a:99999\r\n\r\n', 'refused'],
  ['two ports', 'GET /case HTTP/1.1\r\nHost: a:80:80\r\n\r\n', 'refused'],
  ['a tab behind', 'GET /case HTTP/1.1\r\nHost: a\t\r\n\r\n', 'refused'],
  ['a bracket that is not closed', 'GET /case HTTP/1.1\r\nHost: [::1\r\n\r\n', 'refused'],
  ['another than the target names', 'GET http://b/case HTTP/1.1\r\nHost: a\r\n\r\n', 'refused'],
  ['the one that the target names', 'GET http://a/case HTTP/1.1\r\nHost: a\r\n\r\n', EMPTY],
  ['a user in the target', 'GET http://a@b/case HTTP/1.1\r\nHost: a\r\n\r\n', 'refused'],
  ['a backslash in the target', 'GET http://a\\@b/case HTTP/1.1\r\nHost: a\r\n\r\n', 'refused'],
  ['an address in brackets', 'GET /case HTTP/1.1\r\nHost: [::1]:80\r\n\r\n', EMPTY],
  ['underscore for a second one', get('Ho_st: b'), EMPTY],
]

const requestLines: RequestCase[] = [
  ['two spaces before the target', line('GET  /case HTTP/1.1'), 'refused'],
  ['two spaces before the version', line('GET /case  HTTP/1.1'), 'refused'],
  ['a space behind', line('GET /case HTTP/1.1 '), 'refused'],
  ['a space before', line(' GET /case HTTP/1.1'), 'refused'],
  ['tabs', line('GET\t/case\tHTTP/1.1'), 'refused'],
  ['a vertical tab', line('GET\x0b/case HTTP/1.1'), 'refused'],
  ['a form feed', line('GET /case\x0cHTTP/1.1'), 'refused'],
  ['no version', line('GET /case'), 'refused'],
  ['HTTP/0.9', 'GET /case\r\n', 'refused'],
  ['HTTP/1.2', line('GET /case HTTP/1.2'), 'refused'],
  ['HTTP/1.10', line('GET /case HTTP/1.10'), 'refused'],
  ['HTTP/2.0', line('GET /case HTTP/2.0'), 'refused'],
  ['HTTP/01.1', line('GET /case HTTP/01.1'), 'refused'],
  ['http in lower case', line('GET /case http/1.1'), 'refused'],
  ['two requests in one line', line('GET /case HTTP/1.1 GET /smuggled HTTP/1.1'), 'refused'],
  ['a version in the target', line('GET /case HTTP/1.1/smuggled HTTP/1.1'), 'refused'],
  ['an absolute target of another scheme', line('GET ftp://a/case HTTP/1.1'), 'refused'],
  ['an absolute target without host', line('GET http:///case HTTP/1.1'), 'refused'],
  ['a target of one word', line('GET case HTTP/1.1'), 'refused'],
  ['an asterisk in a GET', line('GET * HTTP/1.1'), 'refused'],
  ['an authority in a GET', line('GET a:80 HTTP/1.1'), 'refused'],
  ['a fragment', line('GET /case#x HTTP/1.1'), 'refused'],
  ['a NUL in the target', line('GET /case\0 HTTP/1.1'), 'refused'],
  ['a byte above ASCII in the target', line('GET /c\xe4se HTTP/1.1'), 'refused'],
  ['CONNECT', 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n', 'refused'],
  [
    'CONNECT with a body',
    'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\n\r\nhello',
    'refused',
  ],
  ['CONNECT to a path', line('CONNECT /case HTTP/1.1'), 'refused'],
  ['a method with a colon', line('GET: /case HTTP/1.1'), 'refused'],
]

const connectionOptions: RequestCase[] = [
  ['Content-Length', post('Connection: Content-Length\r\nContent-Length: 5', 'hello'), HELLO],
  [
    'Transfer-Encoding',
    post(`Connection: Transfer-Encoding\r\n${CHUNKED}`, HELLO_CHUNK + LAST_CHUNK),
    HELLO,
  ],
  ['Host', get('Connection: Host'), EMPTY],
  [
    'Host, close and Content-Length',
    post('Connection: host, close, content-length\r\nContent-Length: 5', 'hello'),
    HELLO,
  ],
  ['a header of its own', get('Connection: X-Hop\r\nX-Hop: 1'), EMPTY],
  ['itself', get('Connection: Connection'), EMPTY],
  [
    'two lines of it',
    post('Connection: keep-alive\r\nConnection: Content-Length\r\nContent-Length: 5', 'hello'),
    HELLO,
  ],
  ['close and keep-alive', get('Connection: close, keep-alive'), EMPTY],
  ['no token', get('Connection: a b'), 'refused'],
  ['very many', get(`Connection: ${'a,'.repeat(500)}b`), 'refused'],
  ['Proxy-Connection', get('Proxy-Connection: keep-alive'), EMPTY],
]

const expectations: RequestCase[] = [
  ['100-continue with its body', post('Expect: 100-continue\r\nContent-Length: 5', 'hello'), HELLO],
  ['100-continue without body', get('Expect: 100-continue'), EMPTY],
  [
    '100-continue, chunked',
    post(`Expect: 100-continue\r\n${CHUNKED}`, HELLO_CHUNK + LAST_CHUNK),
    HELLO,
  ],
  [
    '100-continue and a request in the body',
    post(`Expect: 100-continue\r\nContent-Length: ${SMUGGLED.length}`, SMUGGLED),
    { body: SMUGGLED },
  ],
  [
    'an obfuscated 100-continue',
    post('Expect: y 100-continue\r\nContent-Length: 5', 'hello'),
    HELLO,
  ],
  ['one that nobody knows', post('Expect: more\r\nContent-Length: 5', 'hello'), HELLO],
  ['a folded one', post('Expect:\r\n 100-continue\r\nContent-Length: 5', 'hello'), 'refused'],
  [
    '100-continue in a GET with a length',
    `GET /case HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    { body: SMUGGLED },
  ],
]

const trailers: RequestCase[] = [
  ['a plain one', chunked(`${HELLO_CHUNK}0\r\nX-Sum: 1\r\n\r\n`), HELLO],
  ['Content-Length', chunked(`${HELLO_CHUNK}0\r\nContent-Length: 37\r\n\r\n`), 'cut'],
  ['Transfer-Encoding', chunked(`${HELLO_CHUNK}0\r\n${CHUNKED}\r\n\r\n`), 'cut'],
  ['Host', chunked(`${HELLO_CHUNK}0\r\nHost: b\r\n\r\n`), 'cut'],
  ['Connection', chunked(`${HELLO_CHUNK}0\r\nConnection: close\r\n\r\n`), 'cut'],
  ['in odd case', chunked(`${HELLO_CHUNK}0\r\ncOnTeNt-LeNgTh: 37\r\n\r\n`), 'cut'],
  ['a space before the colon', chunked(`${HELLO_CHUNK}0\r\nX : 1\r\n\r\n`), 'cut'],
  ['folded', chunked(`${HELLO_CHUNK}0\r\nX: 1\r\n 2\r\n\r\n`), 'cut'],
  ['LF alone', chunked(`${HELLO_CHUNK}0\r\nX: 1\n\r\n`), 'cut'],
  ['no colon', chunked(`${HELLO_CHUNK}0\r\nGET /smuggled HTTP/1.1\r\n\r\n`), 'cut'],
  ['no name', chunked(`${HELLO_CHUNK}0\r\n: 1\r\n\r\n`), 'cut'],
  ['a NUL', chunked(`${HELLO_CHUNK}0\r\nX: \0\r\n\r\n`), 'cut'],
  [
    'more than a buffer of them',
    chunked(`${HELLO_CHUNK}0\r\n${`X: ${'y'.repeat(100)}\r\n`.repeat(300)}\r\n`),
    'cut',
  ],
]

const oldVersions: RequestCase[] = [
  ['chunked', `POST /case HTTP/1.0\r\nHost: a\r\n${CHUNKED}\r\n\r\n${LAST_CHUNK}`, 'refused'],
  [
    'chunked and kept alive',
    `POST /case HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n${CHUNKED}\r\n\r\n${LAST_CHUNK}`,
    'refused',
  ],
  [
    'chunked and a length',
    `POST /case HTTP/1.0\r\nHost: a\r\n${CHUNKED}\r\nContent-Length: 5\r\n\r\nhello`,
    'refused',
  ],
  ['a length', 'POST /case HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello', HELLO],
  [
    'a length and kept alive',
    'POST /case HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello',
    HELLO,
  ],
  ['no Host', 'GET /case HTTP/1.0\r\n\r\n', EMPTY],
  ['two Hosts', 'GET /case HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n', 'refused'],
  [
    'an upgrade',
    'GET /case HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    EMPTY,
  ],
  [
    'an expectation',
    'POST /case HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello',
    HELLO,
  ],
]

const upgrades: RequestCase[] = [
  [
    'h2c',
    get(
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
    ),
    EMPTY,
  ],
  ['h2c in odd case', get('Connection: upgrade\r\nUpgrade: H2C'), EMPTY],
  ['h2c in a list', get('Connection: upgrade\r\nUpgrade: websocket, h2c'), EMPTY],
  ['h2c in a second line', get('Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c'), EMPTY],
  ['h2c without the option', get('Upgrade: h2c'), EMPTY],
  [
    'h2c with a body',
    post('Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 5', 'hello'),
    HELLO,
  ],
  [
    'websocket that the server does not want',
    get('Connection: upgrade\r\nUpgrade: websocket'),
    EMPTY,
  ],
  [
    'websocket and a request in the body',
    post(
      `Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: ${SMUGGLED.length}`,
      SMUGGLED,
    ),
    { body: SMUGGLED },
  ],
  ['a version of TLS', get('Connection: upgrade\r\nUpgrade: TLS/1.0'), EMPTY],
]

const sizes: RequestCase[] = [
  ['a target beyond a buffer', line(`GET /case${'x'.repeat(20_000)} HTTP/1.1`), 'refused'],
  ['a method beyond a buffer', line(`${'X'.repeat(20_000)} /case HTTP/1.1`), 'refused'],
  ['a value beyond a buffer', get(`X: ${'x'.repeat(20_000)}`), 'refused'],
  ['a name beyond a buffer', get(`${'x'.repeat(20_000)}: 1`), 'refused'],
  [
    'very many headers',
    get(Array.from({ length: 200 }, (_, n) => `X${n}: 1`).join('\r\n')),
    'refused',
  ],
  [
    'framing behind a buffer of headers',
    post(`X: ${'x'.repeat(17_000)}\r\nContent-Length: 5`, 'hello'),
    'refused',
  ],
  ['100 KB of head', get(`X: ${'x'.repeat(1000)}\r\n`.repeat(100).trimEnd()), 'refused'],
  ['a target of 8 KB', `GET /case?${'x'.repeat(8000)} HTTP/1.1\r\nHost: a\r\n\r\n`, EMPTY],
]

/** Requests that two readers might read in two ways, by kind. */
export const REQUEST_CLASSES: readonly RequestClass[] = [
  ['both framings', both],
  ['obfuscated transfer codings', obfuscatedCodings],
  ['content lengths', lengths],
  ['requests within bodies', noLength],
  ['chunk sizes', chunkSizes],
  ['chunk extensions', chunkExtensions],
  ['line ends', lineEnds],
  ['header names', headerNames],
  ['header values', headerValues],
  ['hosts', hosts],
  ['request lines', requestLines],
  ['connection options', connectionOptions],
  ['expectations', expectations],
  ['trailers', trailers],
  ['HTTP/1.0', oldVersions],
  ['upgrades', upgrades],
  ['sizes', sizes],
]

/**
 * What becomes of a response:
 *
 * - `bad gateway`: the client is answered 502;
 * - `cut`: its beginning was forwarded; the client's connection ends before its end;
 * - `forwarded`: the client gets exactly one response, with this status and body. Where the server
 *   sent more than that, its connection is not used again.
 */
export type ResponseFate =
  | 'bad gateway'
  | 'cut'
  | { readonly status: number; readonly body: string; readonly leftover?: boolean }

/** One response: what it tries, its bytes, and what is to become of it. */
export interface ResponseCase {
  readonly what: string
  readonly bytes: string
  readonly fate: ResponseFate
  /** Of the request that it answers; default GET. */
  readonly method?: string
  /** More bytes that the server sends once the client has its response. */
  readonly later?: string
  /** The server ends its side after the bytes. */
  readonly ends?: boolean
}

const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'

/** A response with these lines and a body. */
function ok(lines: string, body = ''): string {
  return `HTTP/1.1 200 OK\r\n${lines}\r\n\r\n${body}`
}

const GOOD = { status: 200, body: 'hello' }
const WITH_MORE = { status: 200, body: 'hello', leftover: true }
const GOOD_LENGTH = ok('Content-Length: 5', 'hello')
const GOOD_CHUNKS = ok(CHUNKED, HELLO_CHUNK + LAST_CHUNK)

function bad(what: string, bytes: string): ResponseCase {
  return { what, bytes, fate: 'bad gateway' }
}

function cutShort(what: string, bytes: string): ResponseCase {
  return { what, bytes: ok(CHUNKED, bytes), fate: 'cut' }
}

const badHeads: ResponseCase[] = [
  bad('both framings', ok(`Content-Length: 5\r\n${CHUNKED}`, HELLO_CHUNK + LAST_CHUNK)),
  bad('both framings, the other way', ok(`${CHUNKED}\r\nContent-Length: 5`, 'hello')),
  bad('two lengths, alike', ok('Content-Length: 5\r\nContent-Length: 5', 'hello')),
  bad('two lengths, unlike', ok('Content-Length: 5\r\nContent-Length: 6', 'hello')),
  bad('a list of lengths', ok('Content-Length: 5, 6', 'hello')),
  bad('a negative length', ok('Content-Length: -5', 'hello')),
  bad('a signed length', ok('Content-Length: +5', 'hello')),
  bad('an empty length', ok('Content-Length:', 'hello')),
  bad('a hexadecimal length', ok('Content-Length: 0x5', 'hello')),
  bad('a length beyond 64 bits', ok('Content-Length: 18446744073709551621', 'hello')),
  bad('an unknown coding', ok('Transfer-Encoding: gzip', 'hello')),
  bad('chunked twice', ok('Transfer-Encoding: chunked, chunked', HELLO_CHUNK + LAST_CHUNK)),
  bad(
    'chunked, then identity',
    ok('Transfer-Encoding: chunked, identity', HELLO_CHUNK + LAST_CHUNK),
  ),
  bad(
    'a vertical tab before chunked',
    ok('Transfer-Encoding: \x0bchunked', HELLO_CHUNK + LAST_CHUNK),
  ),
  bad('chunked in HTTP/1.0', `HTTP/1.0 200 OK\r\n${CHUNKED}\r\n\r\n${HELLO_CHUNK}${LAST_CHUNK}`),
  bad('a space before the colon', ok('Content-Length : 5', 'hello')),
  bad('a header without a name', ok(': 1\r\nContent-Length: 5', 'hello')),
  bad('a header without a colon', ok('broken\r\nContent-Length: 5', 'hello')),
  bad('a folded header', ok('X: 1\r\n 2\r\nContent-Length: 5', 'hello')),
  bad('a folded length', ok('Content-Length:\r\n 5', 'hello')),
  bad('LF alone throughout', 'HTTP/1.1 200 OK\nContent-Length: 5\n\nhello'),
  bad('LF alone in the status line', 'HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nhello'),
  bad('a response split by LF', ok('Location: /a\nSet-Cookie: b=1\r\nContent-Length: 5', 'hello')),
  bad('a response split by CR', ok('Location: /a\rSet-Cookie: b=1\r\nContent-Length: 5', 'hello')),
  bad('CRCRLF', ok('X: 1\r\r\nContent-Length: 5', 'hello')),
  bad('a NUL in a value', ok('X: a\0b\r\nContent-Length: 5', 'hello')),
  bad('a NUL in a name', ok('X\0: 1\r\nContent-Length: 5', 'hello')),
  bad('an escape in a value', ok('X: \x1b[31m\r\nContent-Length: 5', 'hello')),
  bad('HTTP/2.0', 'HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello'),
  bad('HTTP/1.2', 'HTTP/1.2 200 OK\r\nContent-Length: 5\r\n\r\nhello'),
  bad('another protocol', 'ICY 200 OK\r\nContent-Length: 5\r\n\r\nhello'),
  bad('two spaces before the status', 'HTTP/1.1  200 OK\r\nContent-Length: 5\r\n\r\nhello'),
  bad('a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\nhello'),
  bad('a status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\nhello'),
  bad('a status of letters', 'HTTP/1.1 abc OK\r\nContent-Length: 5\r\n\r\nhello'),
  bad('a status below 100', 'HTTP/1.1 099 OK\r\nContent-Length: 5\r\n\r\nhello'),
  bad('an empty line before', `\r\n${GOOD_LENGTH}`),
  bad('no head at all', 'hello'.repeat(20)),
  bad('a head beyond a buffer', ok(`X: ${'x'.repeat(20_000)}\r\nContent-Length: 5`, 'hello')),
  bad('very many headers', ok(`${'X: 1\r\n'.repeat(200)}Content-Length: 5`, 'hello')),
  bad(
    'a change of protocol that nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  ),
  bad('a change of protocol to none', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'),
  bad(
    'interim responses without end',
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(3000) + GOOD_LENGTH,
  ),
  bad('continuing without end', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(3000) + GOOD_LENGTH),
  bad(
    'a broken response behind an interim one',
    `HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\nX: 1\r\n\r\n`,
  ),
]

const badBodies: ResponseCase[] = [
  cutShort('a chunk size of no digits', 'x\r\nhello\r\n0\r\n\r\n'),
  cutShort('a chunk size of 0x5', '0x5\r\nhello\r\n0\r\n\r\n'),
  cutShort('a negative chunk size', '-5\r\nhello\r\n0\r\n\r\n'),
  cutShort('a chunk size with a space in it', '0 5\r\nhello\r\n0\r\n\r\n'),
  cutShort('a chunk size beyond 64 bits', '10000000000000005\r\nhello\r\n0\r\n\r\n'),
  cutShort('less than the data', '4\r\nhello\r\n0\r\n\r\n'),
  cutShort('more than the data', '6\r\nhello\r\n0\r\n\r\n'),
  cutShort('a chunk line that ends in LF', '5\nhello\r\n0\r\n\r\n'),
  cutShort('a broken second chunk', `${HELLO_CHUNK}5\r\nhelloX\r\n0\r\n\r\n`),
  cutShort('a last chunk that ends in LF', `${HELLO_CHUNK}0\n\n`),
  cutShort('an extension with a LF', '5;a\nb\r\nhello\r\n0\r\n\r\n'),
  cutShort('a trailer that frames', `${HELLO_CHUNK}0\r\nContent-Length: 5\r\n\r\n`),
  cutShort('a folded trailer', `${HELLO_CHUNK}0\r\nX: 1\r\n 2\r\n\r\n`),
  cutShort('a response as a trailer', `${HELLO_CHUNK}0\r\n${EVIL}`),
  { ...cutShort('the end of the connection within a chunk', '9\r\nhello'), ends: true },
  { ...cutShort('the end of the connection before the last chunk', HELLO_CHUNK), ends: true },
  {
    what: 'the end of the connection within the length',
    bytes: ok('Content-Length: 9', 'hello'),
    fate: 'cut',
    ends: true,
  },
]

const moreThanOne: ResponseCase[] = [
  { what: 'a response behind one with a length', bytes: GOOD_LENGTH + EVIL, fate: WITH_MORE },
  { what: 'a response behind chunks', bytes: GOOD_CHUNKS + EVIL, fate: WITH_MORE },
  { what: 'a byte behind one with a length', bytes: `${GOOD_LENGTH}x`, fate: WITH_MORE },
  { what: 'a line end behind chunks', bytes: `${GOOD_CHUNKS}\r\n`, fate: WITH_MORE },
  {
    what: 'a response behind length 0',
    bytes: ok('Content-Length: 0', EVIL),
    fate: { status: 200, body: '', leftover: true },
  },
  {
    what: 'a late response behind one with a length',
    bytes: GOOD_LENGTH,
    later: EVIL,
    fate: WITH_MORE,
  },
  { what: 'a late response behind chunks', bytes: GOOD_CHUNKS, later: EVIL, fate: WITH_MORE },
  { what: 'a late line end', bytes: GOOD_LENGTH, later: '\r\n', fate: WITH_MORE },
  {
    what: 'a late interim response',
    bytes: GOOD_LENGTH,
    later: 'HTTP/1.1 100 Continue\r\n\r\n',
    fate: WITH_MORE,
  },
  {
    what: '204 with a body',
    bytes: `HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil`,
    fate: { status: 204, body: '', leftover: true },
  },
  {
    what: '204 with chunks',
    bytes: `HTTP/1.1 204 No Content\r\n${CHUNKED}\r\n\r\n${HELLO_CHUNK}${LAST_CHUNK}`,
    fate: { status: 204, body: '', leftover: true },
  },
  {
    what: '204 with a late body',
    bytes: `HTTP/1.1 204 No Content\r\nContent-Length: ${EVIL.length}\r\n\r\n`,
    later: EVIL,
    fate: { status: 204, body: '', leftover: true },
  },
  {
    what: '304 with a body',
    bytes: `HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil`,
    fate: { status: 304, body: '', leftover: true },
  },
  {
    what: '304 with a late body',
    bytes: `HTTP/1.1 304 Not Modified\r\nContent-Length: ${EVIL.length}\r\n\r\n`,
    later: EVIL,
    fate: { status: 304, body: '', leftover: true },
  },
  {
    what: 'HEAD with a body',
    method: 'HEAD',
    bytes: ok(`Content-Length: ${EVIL.length}`, EVIL),
    fate: { status: 200, body: '', leftover: true },
  },
  {
    what: 'HEAD with a late body',
    method: 'HEAD',
    bytes: ok(`Content-Length: ${EVIL.length}`),
    later: EVIL,
    fate: { status: 200, body: '', leftover: true },
  },
  {
    what: 'HEAD with chunks',
    method: 'HEAD',
    bytes: ok(CHUNKED, HELLO_CHUNK + LAST_CHUNK),
    fate: { status: 200, body: '', leftover: true },
  },
  {
    what: 'an interim response with a length',
    bytes: `HTTP/1.1 103 Early Hints\r\nContent-Length: 4\r\n\r\n${GOOD_LENGTH}`,
    fate: GOOD,
  },
]

const readInOneWay: ResponseCase[] = [
  { what: 'a length', bytes: GOOD_LENGTH, fate: GOOD },
  { what: 'chunks', bytes: GOOD_CHUNKS, fate: GOOD },
  {
    what: 'chunks with extensions',
    bytes: ok(CHUNKED, '5;a=b\r\nhello\r\n0;c\r\n\r\n'),
    fate: GOOD,
  },
  {
    what: 'chunk sizes with blanks behind them',
    bytes: ok(CHUNKED, '5   \r\nhello\r\n0 \t\r\n\r\n'),
    fate: GOOD,
  },
  {
    what: 'chunks with a trailer',
    bytes: ok(CHUNKED, `${HELLO_CHUNK}0\r\nX: 1\r\n\r\n`),
    fate: GOOD,
  },
  {
    what: 'the coding in odd case',
    bytes: ok('tRANSFER-eNCODING: cHUNKED', HELLO_CHUNK + LAST_CHUNK),
    fate: GOOD,
  },
  { what: 'a length with leading zeros', bytes: ok('Content-Length: 0005', 'hello'), fate: GOOD },
  { what: 'no reason', bytes: 'HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello', fate: GOOD },
  {
    what: 'HTTP/1.0 with a length',
    bytes: 'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello',
    fate: GOOD,
  },
  { what: 'the end of the connection', bytes: ok('X: 1', 'hello'), fate: GOOD, ends: true },
  {
    what: 'a response in the body',
    bytes: ok(`Content-Length: ${EVIL.length}`, EVIL),
    fate: { status: 200, body: EVIL },
  },
  {
    what: 'Connection that names the framing',
    bytes: ok('Connection: Content-Length\r\nContent-Length: 5', 'hello'),
    fate: GOOD,
  },
  {
    what: 'Connection that names the coding',
    bytes: ok(`Connection: Transfer-Encoding\r\n${CHUNKED}`, HELLO_CHUNK + LAST_CHUNK),
    fate: GOOD,
  },
  {
    what: 'encoded line ends in a value',
    bytes: ok('Location: /%0d%0aX:1\r\nContent-Length: 5', 'hello'),
    fate: GOOD,
  },
  {
    what: 'an interim response',
    bytes: `HTTP/1.1 103 Early Hints\r\n\r\n${GOOD_LENGTH}`,
    fate: GOOD,
  },
]

/** Responses that two readers might read in two ways, by kind. */
export const RESPONSE_CLASSES: readonly (readonly [
  title: string,
  cases: readonly ResponseCase[],
])[] = [
  ['malformed heads', badHeads],
  ['malformed bodies', badBodies],
  ['more than one response', moreThanOne],
  ['one reading', readInOneWay],
]
