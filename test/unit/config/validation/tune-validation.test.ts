import { describe, expect, it } from 'vitest'
import { configOf, load } from '../loading.ts'

const FRONTENDS = 'frontends: {web: {bind: ":1", default_backend: app}}'
const BACKENDS = 'backends: {app: {servers: {a: "h:1"}}}'

function textWith(tune: string): string {
  return `global: {tune: {${tune}}}\n${FRONTENDS}\n${BACKENDS}\n`
}

describe('global.tune', () => {
  it('takes every size', () => {
    const tune = [
      'bufsize: 32k',
      'maxrewrite: 2k',
      'http.maxhdr: 50',
      'http.max-request-line: 32k',
      'http.max-chunk-ext: 0',
      'http.max-trailers: 1024',
      'http.max-pipelined: 1',
      'http.retry-bufsize: 16m',
      'h2.fe.max-concurrent-streams: 10',
      'h2.fe.initial-window-size: 1024',
      'h2.fe.glitches-threshold: 5',
      'ssl.lifetime: 7d',
      'ssl.ticket-key-rotation: 1s',
      'ssl.ticket-keys: 16',
    ]
    expect(configOf(textWith(tune.join(', '))).global.tune).toEqual({
      bufsizeBytes: 32_768,
      maxrewriteBytes: 2_048,
      httpMaxhdr: 50,
      httpRequestLineBytesMax: 32_768,
      httpChunkExtensionBytesMax: 0,
      httpTrailerBytesMax: 1_024,
      httpPipelinedMax: 1,
      httpRetryBodyBytesMax: 16_777_216,
      h2Backend: { maxConcurrentStreams: 100, initialWindowSize: 65_536, glitchesMax: 1_000 },
      h2Frontend: { maxConcurrentStreams: 10, initialWindowSize: 1_024, glitchesMax: 5 },
      sslLifetimeMs: 604_800_000,
      sslTicketKeyRotationMs: 1_000,
      sslTicketKeys: 16,
    })
  })

  it.each([
    ['bufsize: 4k', 4_096],
    ['bufsize: 8k', 8_192],
    ['bufsize: 1m', 8_192],
  ])('{%s} bounds the request line to %i', (tune, expected) => {
    expect(configOf(textWith(tune)).global.tune.httpRequestLineBytesMax).toBe(expected)
  })

  it.each([
    ['maxrewrite: 8k', null],
    ['maxrewrite: 8193', 'At most 8k.'],
    ['bufsize: 5000, maxrewrite: 2500', null],
    ['bufsize: 5001, maxrewrite: 2501', 'At most 2500.'],
    ['bufsize: 1m, maxrewrite: 512k', null],
    ['maxrewrite: 0', null],
    ['http.max-request-line: 16k', null],
    ['http.max-request-line: 16385', 'At most 16k.'],
    ['bufsize: 1m, http.max-request-line: 1m', null],
    ['bufsize: 4k, http.max-request-line: 4097', 'At most 4k.'],
  ])('{%s} is judged by the size of the buffer: %s', (tune, hint) => {
    const { diagnostics } = load(textWith(tune))
    const expected = { severity: 'error', code: 'out-of-range', hint, line: 1 }
    expect(diagnostics).toMatchObject(hint === null ? [] : [expected])
  })

  it('does not judge by a buffer whose size cannot be read', () => {
    const { diagnostics } = load(textWith('bufsize: small, maxrewrite: 100k'))
    expect(diagnostics.map(({ path }) => path.at(-1))).toEqual(['bufsize'])
  })

  it('says where pool-max-conn has its place', () => {
    const [first] = load(textWith('pool-max-conn: 10')).diagnostics
    expect(first).toMatchObject({
      code: 'unknown-key',
      hint: 'It belongs in default-server or a server.',
    })
  })
})
