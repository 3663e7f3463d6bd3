import * as z from 'zod'
import { DEFAULT_SERVER, MAXCONN_MAX } from '../values/default-values.ts'
import { formatDuration } from '../values/durations.ts'
import { inherited, key, requiredKey, section } from './sections.ts'
import { tlsSettings } from './tls-keys.ts'
import { UNSUPPORTED_SERVER_KEYS } from './unsupported-keys.ts'
import {
  byteText,
  cookieValue,
  durationMs,
  durationOrZeroMs,
  host,
  initAddress,
  integer,
  serverAddress,
  trackedServer,
} from './value-schemas.ts'

/** Observed errors in a row that a server can be allowed. */
const ERROR_LIMIT_MAX = 1_000_000

const serverSettings = {
  'init-addr': key(initAddress, {
    about: 'Where the address of a host name comes from at first, tried in order',
    standard: DEFAULT_SERVER.initAddress.join(','),
  }),
  'weight': key(integer(0, 256), {
    about: 'Share of the sessions, relative to the other servers; 0 takes no new ones',
    standard: DEFAULT_SERVER.weight,
  }),
  'maxconn': key(integer(0, MAXCONN_MAX), {
    about: 'Sessions at once; more wait for `timeout queue`. 0 has no bound',
    standard: DEFAULT_SERVER.maxconn,
  }),
  'minconn': key(integer(0, MAXCONN_MAX), {
    about:
      'Sessions at once while the backend has little to do; rises to `maxconn` at `fullconn`. 0 is `maxconn`',
    standard: DEFAULT_SERVER.minconn,
  }),
  'maxqueue': key(integer(0, MAXCONN_MAX), {
    about: 'Sessions that belong to the server and wait for it. 0 has no bound',
    standard: DEFAULT_SERVER.maxqueue,
  }),
  'slowstart': key(durationOrZeroMs, {
    about: 'Time in which the weight and `maxconn` of a server that has come up rise; 0 is at once',
    standard: formatDuration(DEFAULT_SERVER.slowStartMs),
  }),
  'backup': key(z.boolean(), {
    about: 'Take sessions only when all servers that are no backups are down',
    standard: false,
  }),
  'check': key(z.boolean(), { about: 'Probe the server', standard: false }),
  'track': key(trackedServer, {
    about: 'Take over the state of this server, which is checked, instead of checking',
    otherwise: 'none',
  }),
  'inter': key(durationMs, {
    about: 'Time from one check to the next',
    standard: formatDuration(DEFAULT_SERVER.interMs),
  }),
  'fastinter': key(durationMs, {
    about: 'Time between checks that are about to change the state of the server',
    otherwise: '`inter`',
  }),
  'downinter': key(durationMs, {
    about: 'Time between checks of a server that is down',
    otherwise: '`inter`',
  }),
  'rise': key(integer(1, 1_000), {
    about: 'Good checks in a row that bring a server up',
    standard: DEFAULT_SERVER.rise,
  }),
  'fall': key(integer(1, 1_000), {
    about: 'Bad checks in a row that take a server down',
    standard: DEFAULT_SERVER.fall,
  }),
  'agent-check': key(z.boolean(), {
    about: 'Ask an agent on `agent-port` how the server does',
    standard: false,
  }),
  'agent-addr': key(host, { about: 'Host of the agent', otherwise: "the server's" }),
  'agent-port': key(integer(1, 65_535), {
    about: 'Port of the agent; needed with `agent-check`',
    otherwise: 'none',
  }),
  'agent-inter': key(durationMs, {
    about: 'Time from one question to the agent to the next',
    standard: formatDuration(DEFAULT_SERVER.agentInterMs),
  }),
  'agent-send': key(byteText, {
    about: 'What the agent is sent first, such as `"app1\\n"`',
    otherwise: 'nothing',
  }),
  'send-proxy': key(z.boolean(), {
    about: 'Begin connections with a PROXY protocol header, version 1',
    standard: false,
  }),
  'send-proxy-v2': key(z.boolean(), {
    about: 'Begin connections with a PROXY protocol header, version 2',
    standard: false,
  }),
  'send-proxy-v2-ssl': key(z.boolean(), {
    about: 'The same, and tell of the TLS of the client',
    standard: false,
  }),
  'send-proxy-v2-ssl-cn': key(z.boolean(), {
    about: 'The same, and tell the common name in its certificate',
    standard: false,
  }),
  'check-send-proxy': key(z.boolean(), {
    about: 'Begin checks with that header too; of version 1 where connections have none',
    otherwise: 'like connections, unless `addr` or `port` is given',
  }),
  'proto': key(z.enum(['h1', 'h2']), {
    about: 'What is spoken to the server, without asking it; `mode http`',
    otherwise: 'what ALPN chooses, or HTTP/1.1',
  }),
  ...tlsSettings,
  'pool-max-conn': key(integer(-1, MAXCONN_MAX), {
    about: 'Idle connections that are kept over all threads; -1 has no bound but `global.maxconn`',
    standard: DEFAULT_SERVER.poolMaxConn,
  }),
  'pool-purge-delay': key(durationOrZeroMs, {
    about: 'After each such time half of the unused idle connections are closed; 0 keeps none',
    standard: formatDuration(DEFAULT_SERVER.poolPurgeDelayMs),
  }),
  'observe': key(z.enum(['none', 'layer4', 'layer7']), {
    about: 'Take failures of the traffic into account: of connections, or of responses too',
    standard: DEFAULT_SERVER.observe,
  }),
  'error-limit': key(integer(1, ERROR_LIMIT_MAX), {
    about: 'Observed errors in a row after which `on-error` is done',
    standard: DEFAULT_SERVER.errorLimit,
  }),
  'on-error': key(z.enum(['fastinter', 'fail-check', 'sudden-death', 'mark-down']), {
    about: 'What observed errors do to the checks',
    standard: DEFAULT_SERVER.onError,
  }),
}

/** One server that is written as a map. */
export const serverSchema = section(
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
    'cookie': key(cookieValue, {
      about: 'By what value the cookie of the backend names this server',
      otherwise: 'none; or made from the address by `cookie ... dynamic`',
    }),
    'disabled': key(z.boolean(), {
      about: 'In maintenance from the start: no session, no check',
      standard: false,
    }),
  },
  UNSUPPORTED_SERVER_KEYS,
)

const defaultServer = (settings: typeof serverSettings) =>
  key(section('default-server', settings, UNSUPPORTED_SERVER_KEYS), {
    about: 'What servers have unless they say otherwise',
  })

/** `default-server` of section `defaults`. */
export const defaultsServer = defaultServer(serverSettings)

/** `default-server` of a backend. */
export const backendServer = defaultServer(inherited(serverSettings, '`defaults`'))
