import { DEFAULT_TIMEOUTS_MS } from '../values/default-values.ts'
import { formatDuration } from '../values/durations.ts'
import { key } from './sections.ts'
import { durationMs } from './value-schemas.ts'

const timeout = (about: string, standardMs: number) =>
  key(durationMs, { about, standard: formatDuration(standardMs) })

const tarpit = {
  'tarpit': key(durationMs, {
    about: 'How long a request is held that a rule `tarpit` denies; `mode http`',
    otherwise: '`timeout connect`',
  }),
}

/** Names of `timeout` on the side of clients. */
export const clientTimeouts = {
  'client': timeout(
    'How long a client may take nothing or send nothing; in `mode tcp` only where it is given',
    DEFAULT_TIMEOUTS_MS.client,
  ),
  'client-fin': key(durationMs, {
    about:
      'How long a connection may be silent once the server has closed its direction and the client is waited for; in `mode http` also how long its upload is read, in all, after an early answer',
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
  ...tarpit,
}

/** Names of `timeout` on the side of servers. */
export const serverTimeouts = {
  'connect': timeout('How long a connection to a server may take', DEFAULT_TIMEOUTS_MS.connect),
  'server': timeout(
    'How long a server may take nothing or send nothing; in `mode tcp` only where it is given',
    DEFAULT_TIMEOUTS_MS.server,
  ),
  'server-fin': key(durationMs, {
    about:
      'How long a connection may be silent once the client has closed its direction and the server is waited for',
    otherwise: '`timeout server`',
  }),
  'queue': timeout(
    'How long a session may wait for a server that is at its `maxconn`',
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
  ...tarpit,
}
