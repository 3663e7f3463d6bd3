import { describeVerdicts, type VerdictRow } from './verdict-table.ts'

const POST = 'POST / HTTP/1.1\r\nHost: a\r\n'
const NEXT = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n'
const CHUNKED = 'Transfer-Encoding: chunked\r\n'
const five = ['POST / 1.1|hello', 'GET /next 1.1|']

/** A request with these header lines, `hello`, and a request after it. */
function sized(...lines: string[]): string {
  return `${POST}${lines.map((line) => `${line}\r\n`).join('')}\r\nhello${NEXT}`
}

/** A request with these header lines, `hello` in a chunk, and a request after it. */
function chunked(...lines: string[]): string {
  return `${POST}${lines.map((line) => `${line}\r\n`).join('')}\r\n5\r\nhello\r\n0\r\n\r\n${NEXT}`
}

const lengths: VerdictRow[] = [
  ['9112 6.2', 'a plain length', sized('Content-Length: 5'), five],
  ['9110 5.1', 'a name in another case', sized('cOnTeNt-LeNgTh: 5'), five],
  ['9112 5.1', 'blanks around the number', sized('Content-Length:\t 5 '), five],
  ['9112 5.1', 'a tab after the number', sized('Content-Length: 5\t'), 'framing-tab'],
  ['9110 8.6', 'leading zeros', sized('Content-Length: 0005'), five],
  ['9112 6.3', 'no length: CL.0', `${POST}\r\n${NEXT}`, ['POST / 1.1|', 'GET /next 1.1|']],
  [
    '9112 6.3',
    'a length of 0: CL.0',
    `${POST}Content-Length: 0\r\n\r\n${NEXT}`,
    ['POST / 1.1|', 'GET /next 1.1|'],
  ],
  [
    '9112 6.3',
    'a body with GET',
    `GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello${NEXT}`,
    ['GET / 1.1|hello', 'GET /next 1.1|'],
  ],
  [
    '9112 6.3',
    'a request within a body',
    `${POST}Content-Length: ${NEXT.length}\r\n\r\n${NEXT}${NEXT}`,
    [`POST / 1.1|${NEXT}`, 'GET /next 1.1|'],
  ],
  [
    '9112 6.3',
    'a body that is not all there',
    `${POST}Content-Length: 6\r\n\r\nhello`,
    ['POST / 1.1|hello ...'],
  ],
  ...(
    [
      ['nothing', ''],
      ['a plus sign', '+5'],
      ['a minus sign', '-5'],
      ['a minus zero', '-0'],
      ['a fraction', '5.0'],
      ['an exponent', '5e0'],
      ['hexadecimal', '0x5'],
      ['octal', '0o5'],
      ['an underscore', '1_0'],
      ['a word', 'five'],
      ['a number and a word', '5 bytes'],
      ['two numbers', '5 5'],
      ['a list of one number', '5, 5'],
      ['a list of two numbers', '5, 6'],
      ['a list with an empty element', '5,'],
      ['a semicolon', '5;'],
      ['quotes', '"5"'],
      ['a full-width digit', '\xef\xbc\x95'],
      ['a superscript', '\xb2'],
      ['a no-break space', '\xa05'],
      ['2^53', '9007199254740992'],
      ['2^64 and 5', '18446744073709551621'],
      ['more digits than 64 bits have', '000000000000000000005'],
    ] as const
  ).map(
    ([what, value]): VerdictRow => [
      '9110 8.6',
      what,
      sized(`Content-Length: ${value}`),
      'content-length',
    ],
  ),
  [
    '9110 8.6',
    'the greatest number',
    `${POST}Content-Length: 9007199254740991\r\n\r\nhello`,
    ['POST / 1.1|hello ...'],
  ],
  [
    '9110 8.6',
    'two lengths',
    sized('Content-Length: 5', 'Content-Length: 6'),
    'content-length-repeated',
  ],
  [
    '9110 8.6',
    'two lengths alike',
    sized('Content-Length: 5', 'Content-Length: 5'),
    'content-length-repeated',
  ],
  [
    '9110 8.6',
    'two lengths, one 0',
    sized('Content-Length: 0', 'Content-Length: 5'),
    'content-length-repeated',
  ],
  [
    '9110 8.6',
    'two lengths in another case',
    sized('Content-Length: 5', 'content-length: 6'),
    'content-length-repeated',
  ],
  [
    '9110 8.6',
    'two lengths, far apart',
    sized('Content-Length: 5', 'A: b', 'C: d', 'Content-Length: 0'),
    'content-length-repeated',
  ],
]

const codings: VerdictRow[] = [
  ['9112 6.1', 'chunked', chunked('Transfer-Encoding: chunked'), five],
  ['9112 7', 'chunked in another case', chunked('TRANSFER-ENCODING: ChUnKeD'), five],
  ['9112 5.1', 'a tab before chunked', chunked('Transfer-Encoding:\tchunked'), five],
  ['9112 5.1', 'blanks after chunked', chunked('Transfer-Encoding: chunked '), five],
  ['9112 5.1', 'a tab after chunked', chunked('Transfer-Encoding: chunked \t '), 'framing-tab'],
  ['9112 6.1', 'nothing', chunked('Transfer-Encoding:'), 'transfer-encoding'],
  ['9112 6.1', 'blanks', chunked('Transfer-Encoding: \t'), 'transfer-encoding'],
  [
    '9112 6.1',
    'chunked twice in a list',
    chunked('Transfer-Encoding: chunked, chunked'),
    'transfer-encoding',
  ],
  [
    '9112 6.1',
    'chunked twice',
    chunked('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
    'transfer-encoding',
  ],
  [
    '9112 6.1',
    'chunked and identity',
    chunked('Transfer-Encoding: chunked', 'Transfer-Encoding: identity'),
    'transfer-encoding',
  ],
  [
    '9112 6.1',
    'chunked and another in two lines',
    chunked('Transfer-Encoding: chunked', 'Transfer-Encoding: x'),
    'transfer-encoding',
  ],
  [
    '9112 6.1',
    'another and chunked in two lines',
    chunked('Transfer-Encoding: x', 'Transfer-Encoding: chunked'),
    'transfer-coding-unknown',
  ],
  [
    '9112 6.1',
    'chunked before another',
    chunked('Transfer-Encoding: chunked, gzip'),
    'transfer-encoding',
  ],
  [
    '9112 6.1',
    'chunked before identity',
    chunked('Transfer-Encoding: chunked, identity'),
    'transfer-encoding',
  ],
  [
    '9112 6.1',
    'gzip and chunked',
    chunked('Transfer-Encoding: gzip, chunked'),
    'transfer-coding-unknown',
  ],
  [
    '9112 6.1',
    'gzip with a parameter and chunked',
    chunked('Transfer-Encoding: gzip;q=1, chunked'),
    'transfer-coding-unknown',
  ],
  ['9112 6.1', 'gzip alone', chunked('Transfer-Encoding: gzip'), 'transfer-coding-unknown'],
  ['9112 6.1', 'identity', chunked('Transfer-Encoding: identity'), 'transfer-coding-unknown'],
  [
    '9112 6.1',
    'a coding that ends in chunked',
    chunked('Transfer-Encoding: xchunked'),
    'transfer-coding-unknown',
  ],
  [
    '9112 6.1',
    'a coding that begins with chunked',
    chunked('Transfer-Encoding: chunkedx'),
    'transfer-coding-unknown',
  ],
  [
    '9112 6.1',
    'a misspelt chunked',
    chunked('Transfer-Encoding: chunk'),
    'transfer-coding-unknown',
  ],
  ['9112 6.1', 'an unknown coding', chunked('Transfer-Encoding: cow'), 'transfer-coding-unknown'],
  [
    '9110 5.6.1',
    'an empty element before',
    chunked('Transfer-Encoding: , chunked'),
    'transfer-encoding',
  ],
  [
    '9110 5.6.1',
    'an empty element after',
    chunked('Transfer-Encoding: chunked,'),
    'transfer-encoding',
  ],
  [
    '9112 7.1',
    'chunked with a parameter',
    chunked('Transfer-Encoding: chunked;q=1'),
    'transfer-encoding',
  ],
  [
    '9112 7.1',
    'chunked with a semicolon',
    chunked('Transfer-Encoding: chunked;'),
    'transfer-encoding',
  ],
  [
    '9112 7',
    'chunked in double quotes',
    chunked('Transfer-Encoding: "chunked"'),
    'transfer-encoding',
  ],
  [
    '9112 7',
    'chunked in single quotes',
    chunked("Transfer-Encoding: 'chunked'"),
    'transfer-coding-unknown',
  ],
  ['9112 7', 'chunked in brackets', chunked('Transfer-Encoding: [chunked]'), 'transfer-encoding'],
  [
    '9112 7',
    'chunked twice without a comma',
    chunked('Transfer-Encoding: chunked chunked'),
    'transfer-encoding',
  ],
  [
    '9112 7',
    'another and chunked without a comma',
    chunked('Transfer-Encoding: gzip chunked'),
    'transfer-encoding',
  ],
  [
    '9112 7',
    'a colon before chunked',
    chunked('Transfer-Encoding: : chunked'),
    'transfer-encoding',
  ],
  [
    '9112 7',
    'a no-break space before chunked',
    chunked('Transfer-Encoding: \xa0chunked'),
    'transfer-encoding',
  ],
  [
    '9112 7',
    'a byte above ASCII after chunked',
    chunked('Transfer-Encoding: chunked\xff'),
    'transfer-encoding',
  ],
  [
    '9112 7',
    'chunked behind an equals sign',
    chunked('Transfer-Encoding: =chunked'),
    'transfer-encoding',
  ],
  [
    '9112 6.1',
    'chunked in HTTP/1.0',
    `POST / HTTP/1.0\r\nHost: a\r\n${CHUNKED}\r\n0\r\n\r\n`,
    'transfer-encoding-1.0',
  ],
  [
    '9112 6.1',
    'chunked in HTTP/1.0 with keep-alive',
    `POST / HTTP/1.0\r\nConnection: keep-alive\r\n${CHUNKED}\r\n0\r\n\r\n`,
    'transfer-encoding-1.0',
  ],
  [
    '9112 6.3',
    'CL.TE',
    sized('Content-Length: 5', 'Transfer-Encoding: chunked'),
    'framing-conflict',
  ],
  [
    '9112 6.3',
    'TE.CL',
    chunked('Transfer-Encoding: chunked', 'Content-Length: 5'),
    'framing-conflict',
  ],
  [
    '9112 6.3',
    'CL.TE with a length of 0',
    sized('Content-Length: 0', 'Transfer-Encoding: chunked'),
    'framing-conflict',
  ],
  [
    '9112 6.3',
    'TE.CL with a length of 0',
    chunked('Transfer-Encoding: chunked', 'Content-Length: 0'),
    'framing-conflict',
  ],
  [
    '9112 6.3',
    'TE.CL with a bad length',
    chunked('Transfer-Encoding: chunked', 'Content-Length: x'),
    'content-length',
  ],
  [
    '9112 6.3',
    'CL.TE with an unknown coding',
    sized('Content-Length: 5', 'Transfer-Encoding: x'),
    'transfer-coding-unknown',
  ],
  [
    '9112 6.3',
    'CL.TE in another case',
    sized('content-length: 5', 'tRANSFER-eNCODING: CHUNKED'),
    'framing-conflict',
  ],
  [
    '9112 6.3',
    'TE.CL with lines between',
    chunked('Transfer-Encoding: chunked', 'A: b', 'Content-Length: 5'),
    'framing-conflict',
  ],
  [
    '9112 6.3',
    'Transfer_Encoding with a length',
    sized('Content-Length: 5', 'Transfer_Encoding: chunked'),
    five,
  ],
]

const connections: VerdictRow[] = [
  [
    '9110 7.6.1',
    'options with empty elements',
    sized('Connection: ,, keep-alive , ,x', 'Content-Length: 5'),
    five,
  ],
  [
    '9110 7.6.1',
    'an option that names the length',
    sized('Connection: content-length', 'Content-Length: 5'),
    five,
  ],
  [
    '9110 7.6.1',
    'an option that names the coding',
    chunked('Connection: Transfer-Encoding', 'Transfer-Encoding: chunked'),
    five,
  ],
  ['9110 7.6.1', 'no token', sized('Connection: "close"', 'Content-Length: 5'), 'connection'],
  ['9110 7.6.1', 'a parameter', sized('Connection: close;x', 'Content-Length: 5'), 'connection'],
  [
    '9110 7.6.1',
    'options without a comma',
    sized('Connection: keep-alive close', 'Content-Length: 5'),
    'connection',
  ],
  [
    '9110 7.6.1',
    'a byte above ASCII',
    sized('Connection: clos\xe9', 'Content-Length: 5'),
    'connection',
  ],
  [
    '9110 7.6.1',
    'more options than are looked for',
    sized(`Connection: ${'x,'.repeat(33)}`),
    'connection',
  ],
  [
    '9112 9.6',
    'a request after close',
    sized('Connection: close', 'Content-Length: 5'),
    ['POST / 1.1|hello'],
  ],
  [
    '9112 9.6',
    'a request after close and keep-alive',
    sized('Connection: keep-alive, CLOSE', 'Content-Length: 5'),
    ['POST / 1.1|hello'],
  ],
  ['9112 9.3', 'a request after HTTP/1.0', `GET / HTTP/1.0\r\n\r\n${NEXT}`, ['GET / 1.0|']],
  [
    '9112 9.3',
    'a request after HTTP/1.0 with keep-alive',
    `GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n${NEXT}`,
    ['GET / 1.0|', 'GET /next 1.1|'],
  ],
]

describeVerdicts('Content-Length', lengths)
describeVerdicts('Transfer-Encoding', codings)
describeVerdicts('Connection', connections)
