import { expect, it } from 'vitest'
import { DEFAULT_GLOBAL } from '../../../src/config/values/default-values.ts'
import { parseRequestHead } from '../../../src/http/h1/request-parser.ts'
import {
  chunkLimitsOf,
  DEFAULT_CHUNK_LIMITS,
  DEFAULT_HEAD_LIMITS,
  headLimitsOf,
} from '../../../src/http/limits.ts'
import { REJECT } from '../../../src/http/rejects.ts'
import { RequestHead } from '../../../src/http/request-head.ts'

it('the bounds of the codec are those of a config that sets none', () => {
  expect(headLimitsOf(DEFAULT_GLOBAL)).toEqual(DEFAULT_HEAD_LIMITS)
  expect(chunkLimitsOf(DEFAULT_GLOBAL)).toEqual(DEFAULT_CHUNK_LIMITS)
})

it('a request line that no head has room for is too long before its head is too large', () => {
  const limits = headLimitsOf({ ...DEFAULT_GLOBAL, bufsizeBytes: 4096 })
  const view = Buffer.from(`GET /${'x'.repeat(4096)}`)
  for (const end of [limits.headBytesMax, view.length]) {
    expect(parseRequestHead(view, 0, end, new RequestHead(limits))).toBe(REJECT.lineTooLong)
  }
})

it('every bound follows its key', () => {
  const tune = {
    bufsizeBytes: 10_000,
    maxrewriteBytes: 1,
    httpMaxhdr: 2,
    httpRequestLineBytesMax: 3,
    httpChunkExtensionBytesMax: 4,
    httpTrailerBytesMax: 5,
    httpPipelinedMax: 6,
    httpRetryBodyBytesMax: 7,
    h2Backend: { maxConcurrentStreams: 100, initialWindowSize: 65_536, glitchesMax: 1_000 },
    h2Frontend: { maxConcurrentStreams: 1, initialWindowSize: 1, glitchesMax: 1 },
    sslLifetimeMs: 8,
    sslTicketKeyRotationMs: 9,
    sslTicketKeys: 10,
  }
  expect(headLimitsOf(tune)).toEqual({
    headBytesMax: 9999,
    requestLineBytesMax: 3,
    headersMax: 2,
  })
  expect(chunkLimitsOf(tune)).toEqual({ extensionBytesMax: 4, trailerBytesMax: 5 })
})
