import { DEFAULT_GLOBAL } from '../values/default-values.ts'
import { key } from './sections.ts'
import { integer } from './value-schemas.ts'

const STREAMS_MAX = 10_000
const WINDOW_BYTES_MIN = 1_024
/** What a message that nobody takes may hold of memory. */
const WINDOW_BYTES_MAX = 16_777_216
const GLITCHES_MAX = 1_000_000

const { h2Frontend } = DEFAULT_GLOBAL

/** Keys of `global.tune` that are about HTTP/2 with clients. */
export const h2FrontendTune = {
  'h2.fe.max-concurrent-streams': key(integer(1, STREAMS_MAX), {
    about: 'Requests that a client may have open at once on a connection in HTTP/2',
    standard: h2Frontend.maxConcurrentStreams,
    source: 'tune.h2.fe.max-concurrent-streams',
  }),
  'h2.fe.initial-window-size': key(integer(WINDOW_BYTES_MIN, WINDOW_BYTES_MAX), {
    about: 'Bytes of a request in HTTP/2 that a client may send before they are taken',
    standard: h2Frontend.initialWindowSize,
    source: 'tune.h2.fe.initial-window-size',
  }),
  'h2.fe.glitches-threshold': key(integer(1, GLITCHES_MAX), {
    about:
      'Useless frames of HTTP/2 that a client may send at once; beyond 20 a second more, its connection is closed',
    standard: h2Frontend.glitchesMax,
    source: 'tune.h2.fe.glitches-threshold',
  }),
}
