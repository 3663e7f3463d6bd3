import * as z from 'zod'
import { TICKET_KEYS_MAX, TICKET_KEYS_MIN } from '../../model/bind-tls.ts'
import { DEFAULT_GLOBAL, MAXCONN_MAX, NBTHREAD_MAX } from '../values/default-values.ts'
import { formatDuration } from '../values/durations.ts'
import { formatSize } from '../values/sizes.ts'
import { adminSchema } from './admin-keys.ts'
import { clusterSchema } from './cluster-keys.ts'
import { backendSchema, defaultsSchema, frontendSchema } from './proxy-keys.ts'
import { key, namedMap, requiredKey, section } from './sections.ts'
import { bindTlsDefaults, serverTlsDefaults } from './tls-keys.ts'
import {
  UNSUPPORTED_GLOBAL_KEYS,
  UNSUPPORTED_LOG_KEYS,
  UNSUPPORTED_SECTIONS,
  UNSUPPORTED_TUNE_KEYS,
} from './unsupported-keys.ts'
import {
  bufsizeBytes,
  chunkExtensionBytes,
  durationOrZeroMs,
  integer,
  logTarget,
  maxrewriteBytes,
  messagePartBytes,
  retryBodyBytes,
  sessionMs,
} from './value-schemas.ts'

const STREAMS_MAX = 10_000
const WINDOW_BYTES_MIN = 1_024
/** What a response that nobody takes may hold of memory. */
const WINDOW_BYTES_MAX = 16_777_216
const GLITCHES_MAX = 1_000_000

const { h2Backend, h2Frontend } = DEFAULT_GLOBAL

/** Keys of `global.tune` that are about HTTP/2 with clients. */
const h2FrontendTune = {
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

/** Keys of `global.tune` that are about HTTP/2 with servers. */
const h2BackendTune = {
  'h2.be.max-concurrent-streams': key(integer(1, STREAMS_MAX), {
    about:
      'Requests that a connection to a server carries at once in HTTP/2; fewer where it says so',
    standard: h2Backend.maxConcurrentStreams,
    source: 'tune.h2.be.max-concurrent-streams',
  }),
  'h2.be.initial-window-size': key(integer(WINDOW_BYTES_MIN, WINDOW_BYTES_MAX), {
    about: 'Bytes of a response in HTTP/2 that a server may send before they are taken',
    standard: h2Backend.initialWindowSize,
    source: 'tune.h2.be.initial-window-size',
  }),
  'h2.be.glitches-threshold': key(integer(1, GLITCHES_MAX), {
    about:
      'Useless frames of HTTP/2 that a server may send at once; beyond 20 a second more, its connection is closed',
    standard: h2Backend.glitchesMax,
    source: 'tune.h2.be.glitches-threshold',
  }),
}

const globalSchema = section(
  'global',
  {
    nbthread: key(integer(1, NBTHREAD_MAX), {
      about: 'Threads that carry traffic',
      otherwise: 'the cores that the process may use',
    }),
    maxconn: key(integer(1, MAXCONN_MAX), {
      about: 'Client connections at once, over all frontends and threads',
      otherwise: `what the limit of open files has room for, at most ${DEFAULT_GLOBAL.maxconn}`,
    }),
    grace: key(durationOrZeroMs, {
      about: 'How long sessions may go on once the daemon is told to stop',
      standard: formatDuration(DEFAULT_GLOBAL.graceMs),
      source: 'hard-stop-after',
    }),
    'spread-checks': key(integer(0, 50), {
      about: 'Percent by which each interval between checks is shorter or longer, at random',
      standard: DEFAULT_GLOBAL.spreadChecks,
    }),
    ...bindTlsDefaults,
    ...serverTlsDefaults,
    log: key(
      section(
        'log of global',
        {
          level: key(z.enum(['debug', 'info', 'warn', 'error']), {
            about: 'Least severe level that is written to the daemon log',
            standard: DEFAULT_GLOBAL.logLevel,
          }),
          access: key(logTarget, {
            about: 'Where the access log goes; a file is reopened on SIGUSR1',
            standard: DEFAULT_GLOBAL.logAccess,
          }),
        },
        UNSUPPORTED_LOG_KEYS,
      ),
      { about: 'The logs' },
    ),
    tune: key(
      section(
        'tune of global',
        {
          'bufsize': key(bufsizeBytes, {
            about: 'Bytes of a buffer, and with it of the largest message head',
            standard: formatSize(DEFAULT_GLOBAL.bufsizeBytes),
            source: 'tune.bufsize',
          }),
          'maxrewrite': key(maxrewriteBytes, {
            about: 'Bytes of a buffer that a received head leaves free for what rules add to it',
            standard: formatSize(DEFAULT_GLOBAL.maxrewriteBytes),
            source: 'tune.maxrewrite',
          }),
          'http.maxhdr': key(integer(1, 32_767), {
            about: 'Headers that a message may have',
            standard: DEFAULT_GLOBAL.httpMaxhdr,
            source: 'tune.http.maxhdr',
          }),
          'http.max-request-line': key(messagePartBytes, {
            about: 'Bytes of a request line; at most `bufsize`',
            standard: formatSize(DEFAULT_GLOBAL.httpRequestLineBytesMax),
          }),
          'http.max-chunk-ext': key(chunkExtensionBytes, {
            about: 'Bytes of all chunk extensions of one body together',
            standard: formatSize(DEFAULT_GLOBAL.httpChunkExtensionBytesMax),
          }),
          'http.max-trailers': key(messagePartBytes, {
            about: 'Bytes of the trailers of one body',
            standard: formatSize(DEFAULT_GLOBAL.httpTrailerBytesMax),
          }),
          'http.max-pipelined': key(integer(1, 100_000), {
            about: 'Requests that a client may have sent ahead one after another',
            standard: DEFAULT_GLOBAL.httpPipelinedMax,
          }),
          'http.retry-bufsize': key(retryBodyBytes, {
            about: 'Bytes of a request body that are kept for another try',
            standard: formatSize(DEFAULT_GLOBAL.httpRetryBodyBytesMax),
          }),
          ...h2BackendTune,
          ...h2FrontendTune,
          'ssl.lifetime': key(sessionMs, {
            about: 'For how long after its beginning a session of TLS can be resumed',
            standard: formatDuration(DEFAULT_GLOBAL.sslLifetimeMs),
            source: 'tune.ssl.lifetime',
          }),
          'ssl.ticket-key-rotation': key(sessionMs, {
            about: 'For how long new session tickets are sealed by the same key',
            standard: formatDuration(DEFAULT_GLOBAL.sslTicketKeyRotationMs),
          }),
          'ssl.ticket-keys': key(integer(TICKET_KEYS_MIN, TICKET_KEYS_MAX), {
            about:
              'Keys of session tickets that are there at once: the next, the present, older ones',
            standard: DEFAULT_GLOBAL.sslTicketKeys,
          }),
        },
        UNSUPPORTED_TUNE_KEYS,
      ),
      { about: 'Sizes and times that rarely need a change' },
    ),
  },
  UNSUPPORTED_GLOBAL_KEYS,
)

/**
 * The one schema of a config file. What a user may write, what is printed by `sluice schema`, what
 * docs/configuration.md lists and what the diagnostics suggest all come from here.
 */
export const configSchema = section(
  'the config',
  {
    global: key(globalSchema, { about: 'The process' }),
    admin: key(adminSchema, { about: 'Metrics and the API' }),
    cluster: key(clusterSchema, { about: 'The nodes that act as one', otherwise: 'a single node' }),
    defaults: key(defaultsSchema, {
      about: 'What frontends and backends have unless they say otherwise',
    }),
    frontends: requiredKey(namedMap(frontendSchema, 1), {
      about: 'Where clients connect, by name',
    }),
    backends: key(namedMap(backendSchema), {
      about: 'Where their requests go, by name',
      otherwise: 'none',
    }),
  },
  UNSUPPORTED_SECTIONS,
)

/** A config that the schema has accepted: durations in milliseconds, addresses read. */
export type ConfigInput = z.output<typeof configSchema>
