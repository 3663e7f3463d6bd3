import * as z from 'zod'
import { HEALTH_AGREEMENTS } from '../../model/health-agreement.ts'
import { DEFAULT_HASH_TYPE, DEFAULT_PROXY, MAXCONN_MAX } from '../values/default-values.ts'
import { RETRY_ON_VALUES } from '../values/retry-causes.ts'
import { clientOptions, serverOptions } from './option-keys.ts'
import { outlierDetection } from './outlier-keys.ts'
import { persistenceSettings, stickSettings } from './persistence-keys.ts'
import { probeSettings } from './probe-keys.ts'
import { inherited, key, name, namedMap, oneOrMany, requiredKey, section } from './sections.ts'
import { backendServer, defaultsServer, serverSchema } from './server-keys.ts'
import { clientTimeouts, serverTimeouts } from './timeout-keys.ts'
import { bindTlsSettings } from './tls-keys.ts'
import {
  UNSUPPORTED_BACKEND_KEYS,
  UNSUPPORTED_BIND_KEYS,
  UNSUPPORTED_DEFAULTS_KEYS,
  UNSUPPORTED_FRONTEND_KEYS,
  UNSUPPORTED_OPTIONS,
} from './unsupported-keys.ts'
import {
  absolutePath,
  answerStatus,
  balanceFactor,
  bindAddress,
  hashType,
  integer,
  serverAddress,
  words,
} from './value-schemas.ts'

/** The largest queue that listen(2) is asked for; the kernel cuts it to net.core.somaxconn. */
const BACKLOG_MAX = 1_000_000

/** Retries per second that a budget can grant at least. */
const BUDGET_RATE_MAX = 1_000_000

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
  'balance': key(words, {
    about: 'Strategy that picks the server',
    standard: DEFAULT_PROXY.balance,
  }),
  'hash-type': key(hashType, {
    about: 'How strategies that balance by a key find its server: method, function, `avalanche`',
    standard: DEFAULT_HASH_TYPE.method,
  }),
  'hash-balance-factor': key(balanceFactor, {
    about: 'Percent of its share of all sessions that a server may have; 0: no bound; `consistent`',
    standard: 0,
  }),
  'fullconn': key(integer(1, MAXCONN_MAX), {
    about: 'Sessions of the backend at which servers with `minconn` may have their whole `maxconn`',
    otherwise: 'a tenth of `global.maxconn`',
  }),
  'health-agreement': key(z.enum(HEALTH_AGREEMENTS), {
    about: "How the checks of all nodes become the cluster's verdict on a server",
    standard: DEFAULT_PROXY.healthAgreement,
  }),
  'check-sharding': key(integer(1, 9), {
    about: 'Nodes of the cluster that check each server, so that they share the work',
    otherwise: 'all',
  }),
  'local-veto': key(z.boolean(), {
    about:
      "A node sends nothing to a server that fails its own checks, whatever the cluster's verdict",
    standard: false,
  }),
  'http-reuse': key(z.enum(['never', 'safe', 'aggressive', 'always']), {
    about: 'Which requests may be sent on an idle connection of another client; `mode http`',
    standard: DEFAULT_PROXY.httpReuse,
  }),
  'retries': key(integer(0, 100), {
    about: 'Further tries after the first has failed',
    standard: DEFAULT_PROXY.retries,
  }),
  'retry-on': key(oneOrMany(z.literal(RETRY_ON_VALUES)), {
    about: 'Failures and statuses that are tried again; in `mode tcp` only `conn-failure`',
    standard: DEFAULT_PROXY.retryOn.join(', '),
  }),
  'outlier-detection': outlierDetection,
  ...persistenceSettings,
}

const budgetSettings = {
  'percent': key(integer(0, 100), {
    about: 'Requests of a hundred that may be sent again, over the last ten seconds',
    standard: DEFAULT_PROXY.retryBudget.percent,
  }),
  'min-per-sec': key(integer(0, BUDGET_RATE_MAX), {
    about: 'Requests per second that may be sent again however few there are',
    standard: DEFAULT_PROXY.retryBudget.minPerSec,
  }),
}

const breakerSettings = {
  'max-requests': key(integer(0, MAXCONN_MAX), {
    about: 'Sessions at once, those that wait included; more are answered 503. 0 has no bound',
    standard: 0,
  }),
  'max-pending': key(integer(0, MAXCONN_MAX), {
    about: 'Sessions that wait for a server; more are answered 503',
    otherwise: 'no bound',
  }),
}

const circuitBreaker = (settings: typeof breakerSettings) =>
  key(section('circuit-breaker', settings), {
    about: 'How much a backend takes on before it refuses more at once',
  })

const retryBudget = (settings: typeof budgetSettings) =>
  key(section('retry-budget', settings), {
    about: 'How many requests may be sent again after a server had them; `mode http`',
  })

const rules = (about: string) => key(z.array(words), { about, otherwise: 'none' })

const ruleSettings = {
  'acl': key(namedMap(oneOrMany(words)), {
    about: 'Conditions by name; several expressions under one name are alternatives',
    otherwise: 'none',
  }),
  'http-request': rules('Rules for requests, in order; `mode http`'),
  'http-response': rules('Rules for responses, in order; `mode http`'),
}

const answerSettings = {
  'errorfile': key(z.record(answerStatus, absolutePath), {
    about: 'Files with whole responses, by the status that they are answered for; `mode http`',
    otherwise: 'none',
  }),
  'http-error': rules('Answers by status: `status N content-type TYPE string TEXT`; `mode http`'),
}

/** Section `defaults`. */
export const defaultsSchema = section(
  'defaults',
  {
    ...sharedSettings,
    ...frontendSettings,
    ...backendSettings,
    'timeout': key(section('timeout of defaults', { ...clientTimeouts, ...serverTimeouts }), {
      about: 'Timeouts by name',
    }),
    'option': key(
      section('option of defaults', { ...clientOptions, ...serverOptions }, UNSUPPORTED_OPTIONS),
      { about: 'Options by name' },
    ),
    ...probeSettings,
    ...answerSettings,
    'retry-budget': retryBudget(budgetSettings),
    'circuit-breaker': circuitBreaker(breakerSettings),
    'default-server': defaultsServer,
  },
  UNSUPPORTED_DEFAULTS_KEYS,
)

const bind = section(
  'an entry of bind',
  {
    'address': requiredKey(bindAddress, { about: 'Where to listen' }),
    ...inherited({ backlog }, '`backlog` of the frontend'),
    'accept-proxy': key(z.boolean(), {
      about: 'Every connection begins with a PROXY protocol header, which tells who the client is',
      standard: false,
    }),
    'proto': key(z.enum(['h1', 'h2']), {
      about: 'Version of HTTP that clients speak, whatever they say',
      otherwise: 'what ALPN chooses, or what a client begins with',
    }),
    ...bindTlsSettings,
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
    'timeout': key(section('timeout of a frontend', inherited(clientTimeouts, '`defaults`')), {
      about: 'Timeouts by name',
    }),
    'option': key(
      section('option of a frontend', inherited(clientOptions, '`defaults`'), UNSUPPORTED_OPTIONS),
      { about: 'Options by name' },
    ),
    ...inherited(answerSettings, '`defaults`'),
    ...ruleSettings,
    'tcp-request': rules(
      'What a client may send first: `inspect-delay TIME`, `content accept`, `content reject`, in order; `mode tcp`',
    ),
    'capture': rules(
      'Headers that the access log shows: `request header NAME len N`, or of the `response`; `mode http`',
    ),
    'use_backend': rules(
      'Which backend takes which request or session: `BACKEND if CONDITION`, in order',
    ),
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
    'timeout': key(section('timeout of a backend', inherited(serverTimeouts, '`defaults`')), {
      about: 'Timeouts by name',
    }),
    'option': key(
      section('option of a backend', inherited(serverOptions, '`defaults`'), UNSUPPORTED_OPTIONS),
      { about: 'Options by name' },
    ),
    ...inherited(probeSettings, '`defaults`'),
    ...inherited(answerSettings, '`defaults`'),
    ...ruleSettings,
    ...stickSettings,
    'retry-budget': retryBudget(inherited(budgetSettings, '`defaults`')),
    'circuit-breaker': circuitBreaker(inherited(breakerSettings, '`defaults`')),
    'default-server': backendServer,
    'servers': key(namedMap(z.union([serverAddress, serverSchema])), {
      about: 'The servers by name: an address, or a map',
      otherwise: 'none',
    }),
  },
  UNSUPPORTED_BACKEND_KEYS,
)
