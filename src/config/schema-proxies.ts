import * as z from 'zod'
import {
  DEFAULT_HTTPCHK,
  DEFAULT_PROXY,
  DEFAULT_SERVER,
  DEFAULT_TIMEOUTS_MS,
  MAXCONN_MAX,
} from './default-values.ts'
import { formatDuration } from './durations.ts'
import { formatExpectation } from './expectations.ts'
import {
  inherited,
  key,
  name,
  namedMap,
  oneOrMany,
  requiredKey,
  section,
} from './schema-sections.ts'
import {
  bindAddress,
  durationMs,
  expectation,
  host,
  hostHeader,
  integer,
  network,
  requestTarget,
  serverAddress,
  token,
  words,
} from './schema-values.ts'
import {
  UNSUPPORTED_BACKEND_KEYS,
  UNSUPPORTED_BIND_KEYS,
  UNSUPPORTED_DEFAULTS_KEYS,
  UNSUPPORTED_FRONTEND_KEYS,
  UNSUPPORTED_HTTPCHK_KEYS,
  UNSUPPORTED_OPTIONS,
  UNSUPPORTED_SERVER_KEYS,
  UNSUPPORTED_TIMEOUTS,
} from './unsupported-keys.ts'

/** The largest queue that listen(2) is asked for; the kernel cuts it to net.core.somaxconn. */
const BACKLOG_MAX = 1_000_000

const timeout = (about: string, standardMs: number) =>
  key(durationMs, { about, standard: formatDuration(standardMs) })

const clientTimeouts = {
  'client': timeout(
    'How long a client may take nothing or send nothing; in `mode tcp` only where it is given',
    DEFAULT_TIMEOUTS_MS.client,
  ),
  'client-fin': key(durationMs, {
    about: 'How long a connection may be silent once the client has closed its direction',
    otherwise: '`timeout client`',
  }),
  'http-request': timeout(
    'How long a client may take to send the head of a request; `mode http`',
    DEFAULT_TIMEOUTS_MS['http-request'],
  ),
  'http-keep-alive': timeout(
    'How long a client may wait before its next request; `mode http`',
    DEFAULT_TIMEOUTS_MS['http-keep-alive'],
  ),
}

const serverTimeouts = {
  'connect': timeout('How long a connection to a server may take', DEFAULT_TIMEOUTS_MS.connect),
  'server': timeout(
    'How long a server may take nothing or send nothing; in `mode tcp` only where it is given',
    DEFAULT_TIMEOUTS_MS.server,
  ),
  'server-fin': key(durationMs, {
    about: 'How long a connection may be silent once the server has closed its direction',
    otherwise: '`timeout server`',
  }),
  'queue': timeout(
    'How long a request may wait in a queue; nothing queues in this version',
    DEFAULT_TIMEOUTS_MS.queue,
  ),
  'tunnel': timeout(
    'How long both sides may be silent after an upgrade, and in `mode tcp`, where it stands for `client` and `server`',
    DEFAULT_TIMEOUTS_MS.tunnel,
  ),
  'check': timeout(
    'How long a server may take to answer a health check once it is connected to',
    DEFAULT_TIMEOUTS_MS.check,
  ),
}

const forwardfor = key(
  z.union([
    z.boolean(),
    section('forwardfor', {
      'header': key(token, {
        about: 'Name of the header',
        standard: DEFAULT_PROXY.forwardforHeader,
      }),
      'if-none': key(z.boolean(), {
        about: 'Add it only where the client has sent none',
        standard: false,
      }),
      'except': key(oneOrMany(network), {
        about: 'Clients in these networks get no header',
        otherwise: 'none',
      }),
    }),
  ]),
  {
    about: 'Tell servers the address of the client in a header; `mode http`',
    standard: false,
    source: 'option forwardfor',
  },
)

const httpchk = key(
  z.union([
    z.boolean(),
    section(
      'httpchk',
      {
        method: key(token, { about: 'Method of the request', standard: DEFAULT_HTTPCHK.method }),
        uri: key(requestTarget, {
          about: 'Target of the request',
          standard: DEFAULT_HTTPCHK.uri,
        }),
        host: key(hostHeader, {
          about: 'Host header; with it the request is HTTP/1.1',
          otherwise: 'none, HTTP/1.0',
          source: 'http-check send hdr Host',
        }),
        expect: key(expectation, {
          about: 'Status codes that mean success',
          standard: formatExpectation(DEFAULT_HTTPCHK.expectStatus),
          source: 'http-check expect',
        }),
      },
      UNSUPPORTED_HTTPCHK_KEYS,
    ),
  ]),
  {
    about: 'Check servers by an HTTP request instead of a connection alone',
    standard: false,
    source: 'option httpchk',
  },
)

const clientOptions = {
  forwardfor,
  dontlognull: key(z.boolean(), {
    about: 'No line in the access log for a connection on which nothing was sent',
    standard: false,
    source: 'option dontlognull',
  }),
}

const serverOptions = {
  forwardfor,
  httpchk,
  redispatch: key(z.boolean(), {
    about: 'A retry may go to another server',
    standard: false,
    source: 'option redispatch',
  }),
}

const serverSettings = {
  'weight': key(integer(0, 256), {
    about: 'Share of the sessions, relative to the other servers; 0 takes no new ones',
    standard: DEFAULT_SERVER.weight,
  }),
  'check': key(z.boolean(), { about: 'Probe the server', standard: false }),
  'inter': key(durationMs, {
    about: 'Time from one check to the next',
    standard: formatDuration(DEFAULT_SERVER.interMs),
  }),
  'rise': key(integer(1, 1_000), {
    about: 'Good checks in a row that bring a server up',
    standard: DEFAULT_SERVER.rise,
  }),
  'fall': key(integer(1, 1_000), {
    about: 'Bad checks in a row that take a server down',
    standard: DEFAULT_SERVER.fall,
  }),
}

const server = section(
  'a server',
  {
    'address': requiredKey(serverAddress, { about: 'Where it listens' }),
    ...inherited(serverSettings, '`default-server`'),
    'addr': key(host, {
      about: 'Host that checks go to instead',
      otherwise: "the server's",
    }),
    'port': key(integer(1, 65_535), {
      about: 'Port that checks go to instead',
      otherwise: "the server's",
    }),
    'disabled': key(z.boolean(), {
      about: 'In maintenance from the start: no session, no check',
      standard: false,
    }),
  },
  UNSUPPORTED_SERVER_KEYS,
)

const sharedSettings = {
  mode: key(z.enum(['tcp', 'http']), {
    about: 'What the bytes of a connection are taken for',
    standard: DEFAULT_PROXY.mode,
  }),
}

const backlog = key(integer(1, BACKLOG_MAX), {
  about: "Length of the kernel's queue of connections not yet accepted",
  otherwise: '`maxconn` of the frontend',
})

const frontendSettings = {
  maxconn: key(integer(1, MAXCONN_MAX), {
    about: 'Client connections at once; others wait in the kernel',
    otherwise: '`global.maxconn`',
  }),
  backlog,
  log: key(z.boolean(), {
    about: 'Write sessions to the access log',
    standard: DEFAULT_PROXY.log,
  }),
}

const backendSettings = {
  balance: key(words, {
    about: 'Strategy that picks the server',
    standard: DEFAULT_PROXY.balance,
  }),
  retries: key(integer(0, 100), {
    about: 'Further attempts to connect after the first has failed',
    standard: DEFAULT_PROXY.retries,
  }),
  'retry-on': key(oneOrMany(z.enum(['none', 'conn-failure'])), {
    about: 'What is tried again',
    standard: DEFAULT_PROXY.retryOn.join(', '),
  }),
}

const rules = (about: string) => key(z.array(words), { about, otherwise: 'none' })

const ruleSettings = {
  'acl': key(namedMap(oneOrMany(words)), {
    about: 'Conditions by name; several expressions under one name are alternatives',
    otherwise: 'none',
  }),
  'http-request': rules('Rules for requests, in order; `mode http`'),
  'http-response': rules('Rules for responses, in order; `mode http`'),
}

const defaultServer = (settings: typeof serverSettings) =>
  key(section('default-server', settings, UNSUPPORTED_SERVER_KEYS), {
    about: 'What servers have unless they say otherwise',
  })

/** Section `defaults`. */
export const defaultsSchema = section(
  'defaults',
  {
    ...sharedSettings,
    ...frontendSettings,
    ...backendSettings,
    'timeout': key(
      section(
        'timeout of defaults',
        { ...clientTimeouts, ...serverTimeouts },
        UNSUPPORTED_TIMEOUTS,
      ),
      { about: 'Timeouts by name' },
    ),
    'option': key(
      section('option of defaults', { ...clientOptions, ...serverOptions }, UNSUPPORTED_OPTIONS),
      { about: 'Options by name' },
    ),
    'default-server': defaultServer(serverSettings),
  },
  UNSUPPORTED_DEFAULTS_KEYS,
)

const bind = section(
  'an entry of bind',
  {
    address: requiredKey(bindAddress, { about: 'Where to listen' }),
    ...inherited({ backlog }, '`backlog` of the frontend'),
  },
  UNSUPPORTED_BIND_KEYS,
)

/** One frontend. */
export const frontendSchema = section(
  'a frontend',
  {
    ...inherited({ ...sharedSettings, ...frontendSettings }, '`defaults`'),
    'bind': requiredKey(oneOrMany(z.union([bindAddress, bind])), {
      about: 'Where to listen: an address, a map, or a list of them',
    }),
    'timeout': key(
      section(
        'timeout of a frontend',
        inherited(clientTimeouts, '`defaults`'),
        UNSUPPORTED_TIMEOUTS,
      ),
      { about: 'Timeouts by name' },
    ),
    'option': key(
      section('option of a frontend', inherited(clientOptions, '`defaults`'), UNSUPPORTED_OPTIONS),
      { about: 'Options by name' },
    ),
    ...ruleSettings,
    'use_backend': rules('Which backend takes which request: `BACKEND if CONDITION`, in order'),
    'default_backend': key(name, {
      about: 'The backend where no `use_backend` applies; without one, the answer is 503',
      otherwise: 'none',
    }),
  },
  UNSUPPORTED_FRONTEND_KEYS,
)

/** One backend. */
export const backendSchema = section(
  'a backend',
  {
    ...inherited({ ...sharedSettings, ...backendSettings }, '`defaults`'),
    'timeout': key(
      section(
        'timeout of a backend',
        inherited(serverTimeouts, '`defaults`'),
        UNSUPPORTED_TIMEOUTS,
      ),
      { about: 'Timeouts by name' },
    ),
    'option': key(
      section('option of a backend', inherited(serverOptions, '`defaults`'), UNSUPPORTED_OPTIONS),
      { about: 'Options by name' },
    ),
    ...ruleSettings,
    'default-server': defaultServer(inherited(serverSettings, '`defaults`')),
    'servers': key(namedMap(z.union([serverAddress, server])), {
      about: 'The servers by name: an address, or a map',
      otherwise: 'none',
    }),
  },
  UNSUPPORTED_BACKEND_KEYS,
)
