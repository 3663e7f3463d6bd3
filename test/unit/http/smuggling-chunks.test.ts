import { describeVerdicts, type VerdictRow } from './verdict-table.ts'

const POST = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
const NEXT = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n'
const five = ['POST / 1.1|hello', 'GET /next 1.1|']

/** A request with this body and a request after it. */
function chunks(body: string): string {
  return `${POST}${body}${NEXT}`
}

const chunkSizes: VerdictRow[] = [
  ['9112 7.1', 'one chunk', chunks('5\r\nhello\r\n0\r\n\r\n'), five],
  ['9112 7.1', 'several chunks', chunks('1\r\nh\r\n2\r\nel\r\n2\r\nlo\r\n0\r\n\r\n'), five],
  ['9112 7.1', 'no data', chunks('0\r\n\r\n'), ['POST / 1.1|', 'GET /next 1.1|']],
  ['9112 7.1', 'several zeros', chunks('5\r\nhello\r\n000\r\n\r\n'), five],
  [
    '9112 7.1',
    'digits of both cases',
    chunks(`0a\r\n0123456789\r\n0B\r\n0123456789a\r\n0\r\n\r\n`),
    ['POST / 1.1|01234567890123456789a', 'GET /next 1.1|'],
  ],
  ['9112 7.1', 'sixteen digits', chunks('0000000000000005\r\nhello\r\n0\r\n\r\n'), five],
  ...(
    [
      ['seventeen digits', '00000000000000005'],
      ['2^53', '20000000000000'],
      ['2^64 and 5', '10000000000000005'],
      ['2^64 less 1', 'ffffffffffffffff'],
      ['nothing', ''],
      ['a plus sign', '+5'],
      ['a minus sign', '-5'],
      ['a prefix', '0x5'],
      ['a prefix in upper case', '0X5'],
      ['a letter above f', '5g'],
      ['an underscore', '0_5'],
      ['a fraction', '5.0'],
      ['a space before', ' 5'],
      ['a space after', '5 '],
      ['a tab after', '5\t'],
      ['a space before an extension', '5 ;a'],
      ['a quote', '"5"'],
      ['a comma', '5,5'],
      ['a NUL', '5\0'],
      ['a byte above ASCII', '5\xa0'],
    ] as const
  ).map(
    ([what, size]): VerdictRow => [
      '9112 7.1',
      what,
      chunks(`${size}\r\nhello\r\n0\r\n\r\n`),
      'chunk-size',
    ],
  ),
  ['9112 2.2', 'LF alone after the size', chunks('5\nhello\r\n0\r\n\r\n'), 'bare-lf'],
  ['9112 2.2', 'CR alone after the size', chunks('5\rhello\r\n0\r\n\r\n'), 'bare-cr'],
  ['9112 2.2', 'two CR after the size', chunks('5\r\r\nhello\r\n0\r\n\r\n'), 'bare-cr'],
  ['9112 7.1', 'data longer than its size', chunks('4\r\nhello\r\n0\r\n\r\n'), 'chunk-end'],
  ['9112 7.1', 'data shorter than its size', chunks('6\r\nhello\r\n0\r\n\r\n'), 'chunk-end'],
  ['9112 7.1', 'LF alone after the data', chunks('5\r\nhello\n0\r\n\r\n'), 'chunk-end'],
  ['9112 7.1', 'CR alone after the data', chunks('5\r\nhello\r0\r\n\r\n'), 'chunk-end'],
  ['9112 7.1', 'nothing after the data', chunks('5\r\nhello0\r\n\r\n'), 'chunk-end'],
  ['9112 7.1', 'two bytes for the line end', chunks('5\r\nhelloXX0\r\n\r\n'), 'chunk-end'],
  ['9112 7.1', 'LF alone at the end', chunks('0\r\n\n'), 'bare-lf'],
  ['9112 7.1', 'CR alone at the end', chunks('0\r\n\r'), 'bare-cr'],
  ['9112 7.1', 'no empty line at the end', chunks('0\r\n'), 'name-space'],
  ['9112 7.1', 'chunks after the last', chunks('0\r\n5\r\nhello\r\n0\r\n\r\n'), 'name'],
  [
    '9112 7.1',
    'an end that is not all there',
    `${POST}5\r\nhello\r\n0\r\n\r`,
    ['POST / 1.1|hello ...'],
  ],
]

const extensions: VerdictRow[] = [
  ['9112 7.1.1', 'a name', chunks('5;a\r\nhello\r\n0;b\r\n\r\n'), five],
  ['9112 7.1.1', 'a name and a token', chunks('5;a=b;c=d\r\nhello\r\n0\r\n\r\n'), five],
  ['9112 7.1.1', 'a quoted value', chunks('5;a="b;\\"c";d\r\nhello\r\n0\r\n\r\n'), five],
  ...(
    [
      ['no name', ';'],
      ['no name before another', ';;a'],
      ['no name before a value', ';=b'],
      ['no value', ';a='],
      ['a space before the name', '; a'],
      ['a space after the name', ';a '],
      ['a space before the value', ';a= b'],
      ['a quote within a token', ';a=b"c"'],
      ['text after the quotes', ';a="b"c'],
      ['quotes that do not end', ';a="b'],
      ['a NUL', ';a\0'],
      ['a NUL in quotes', ';a="\0"'],
      ['an escaped NUL', ';a="\\\0"'],
      ['a byte above ASCII', ';\xe9'],
      ['a CR in quotes', ';a="\r"'],
    ] as const
  ).map(
    ([what, extension]): VerdictRow => [
      '9112 7.1.1',
      what,
      chunks(`5${extension}\r\nhello\r\n0\r\n\r\n`),
      'chunk-extension',
    ],
  ),
  [
    '9112 2.2',
    'LF alone after an extension: TERM.EXT',
    chunks('5;a\nhello\r\n0\r\n\r\n'),
    'bare-lf',
  ],
  ['9112 2.2', 'LF alone after a semicolon', chunks('5;\nhello\r\n0\r\n\r\n'), 'bare-lf'],
  ['9112 2.2', 'LF alone in quotes', chunks('5;a="\n"\r\nhello\r\n0\r\n\r\n'), 'bare-lf'],
  ['9112 2.2', 'CR alone after an extension', chunks('5;a\rX\r\nhello\r\n0\r\n\r\n'), 'bare-cr'],
]

const trailers: VerdictRow[] = [
  ['9112 7.1.2', 'a trailer', chunks('5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n'), five],
  ['9112 7.1.2', 'two trailers', chunks('5\r\nhello\r\n0\r\nA:b\r\nC: \xff\r\n\r\n'), five],
  ['9112 5.1', 'a space before the colon', chunks('0\r\nA : b\r\n\r\n'), 'name-space'],
  ['9112 5.2', 'a folded trailer', chunks('0\r\nA: b\r\n c\r\n\r\n'), 'obs-fold'],
  ['9112 5', 'no name', chunks('0\r\n: b\r\n\r\n'), 'name-empty'],
  ['9112 5', 'no colon', chunks('0\r\nA\r\n\r\n'), 'name'],
  ['9110 5.5', 'a NUL in a value', chunks('0\r\nA: \0\r\n\r\n'), 'value'],
  ['9112 2.2', 'LF alone in a value', chunks('0\r\nA: b\nC: d\r\n\r\n'), 'bare-lf'],
  ['9112 2.2', 'CR alone in a value', chunks('0\r\nA: b\rC: d\r\n\r\n'), 'bare-cr'],
  ['9112 2.2', 'LF alone in a name', chunks('0\r\nA\n: d\r\n\r\n'), 'bare-lf'],
  ...[
    'Content-Length',
    'TRANSFER-ENCODING',
    'Host',
    'connection',
    'Upgrade',
    'TE',
    'Trailer',
    'Expect',
    'Keep-Alive',
    'Proxy-Connection',
  ].map(
    (name): VerdictRow => [
      '9110 6.5.1',
      `the trailer ${name}`,
      chunks(`0\r\n${name}: 1\r\n\r\n`),
      'trailer-forbidden',
    ],
  ),
  [
    '9110 6.5.1',
    'a trailer of a longer name',
    chunks('5\r\nhello\r\n0\r\nTransfer-Encodings: 1\r\n\r\n'),
    five,
  ],
]

describeVerdicts('chunk sizes', chunkSizes)
describeVerdicts('chunk extensions', extensions)
describeVerdicts('trailers', trailers)
