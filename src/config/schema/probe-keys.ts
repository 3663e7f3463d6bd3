import * as z from 'zod'
import type { Problem } from '../diagnostics/diagnostics.ts'
import { DEFAULT_HTTPCHK, DEFAULT_SMTPCHK } from '../values/default-values.ts'
import { formatExpectation } from '../values/expectations.ts'
import { PROBE_STEP_PATTERN, type ProbeLine, parseProbeLine } from '../values/probe-steps.ts'
import { key, oneOrMany, requiredKey, section } from './sections.ts'
import { UNSUPPORTED_HTTPCHK_KEYS } from './unsupported-keys.ts'
import {
  byteText,
  expectation,
  hostHeader,
  requestTarget,
  token,
  type ValueSchema,
  valueSchema,
} from './value-schemas.ts'

/** Steps of one check. */
const STEPS_MAX = 100

/** Headers that a check's request is framed by, or that have a key of their own. */
const RESERVED_HEADERS = /^(host|connection|content-length|transfer-encoding)$/i
const RESERVED_HEADER_PROBLEM: Problem = {
  message: 'this header is set by the check itself',
  hint: 'For Host there is the key host.',
}

const probeHeader = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/, 'this is not a token of HTTP (RFC 9110)')
  .refine((name) => !RESERVED_HEADERS.test(name), { params: RESERVED_HEADER_PROBLEM })

const headerValue = z
  .string()
  .regex(/^[\t\x20-\x7e]{0,4096}$/, 'this cannot stand in a header')
  .meta({ id: 'header-value' })

const userName = z
  .string()
  .regex(/^[!-~]{1,63}$/, 'this is not the name of a user')
  .meta({ id: 'user' })

const serviceName = z
  .string()
  .regex(/^[A-Za-z0-9_./-]{0,200}$/, 'this is not the name of a gRPC service')
  .meta({ id: 'service' })

const probeLine: ValueSchema<ProbeLine> = valueSchema({
  id: 'check-step',
  title: 'a step of a check',
  pattern: PROBE_STEP_PATTERN,
  read: parseProbeLine,
})

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
        version: key(z.enum(['HTTP/1.0', 'HTTP/1.1']), {
          about: 'Version of the request; HTTP/1.1 needs a `host`',
          otherwise: 'HTTP/1.0; HTTP/1.1 with `host`',
          source: 'http-check send ver',
        }),
        host: key(hostHeader, {
          about: 'Host header',
          otherwise: 'none',
          source: 'http-check send hdr Host',
        }),
        headers: key(z.record(probeHeader, headerValue), {
          about: 'More headers of the request',
          otherwise: 'none',
          source: 'http-check send hdr',
        }),
        body: key(byteText, {
          about: 'Body of the request',
          otherwise: 'none',
          source: 'http-check send body',
        }),
        expect: key(oneOrMany(expectation), {
          about: 'What the response must be; of a list, all of it',
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

/** Names of `option` that say how servers are checked: one at a time. */
export const probeOptions = {
  httpchk,
  'tcp-check': key(z.boolean(), {
    about: 'Check servers by the steps under `tcp-check`',
    standard: false,
    source: 'option tcp-check',
  }),
  'redis-check': key(z.boolean(), {
    about: 'Check servers by a PING of Redis',
    standard: false,
    source: 'option redis-check',
  }),
  'mysql-check': key(
    z.union([
      z.boolean(),
      section('mysql-check', {
        user: key(userName, {
          about: 'User that logs in without a password',
          otherwise: 'only the greeting is read',
        }),
      }),
    ]),
    {
      about: 'Check servers by the greeting of MySQL, or by a log-in',
      standard: false,
      source: 'option mysql-check',
    },
  ),
  'pgsql-check': key(
    z.union([
      z.boolean(),
      section('pgsql-check', {
        user: requiredKey(userName, { about: 'User that PostgreSQL is asked to let in' }),
      }),
    ]),
    {
      about: 'Check servers by the first message of a log-in to PostgreSQL',
      standard: false,
      source: 'option pgsql-check',
    },
  ),
  'smtpchk': key(
    z.union([
      z.boolean(),
      section('smtpchk', {
        hello: key(z.enum(['HELO', 'EHLO']), {
          about: 'Command that the check greets with',
          standard: DEFAULT_SMTPCHK.hello,
        }),
        domain: key(hostHeader, {
          about: 'Name that the check goes by',
          standard: DEFAULT_SMTPCHK.domain,
        }),
      }),
    ]),
    {
      about: 'Check servers by an exchange of greetings over SMTP',
      standard: false,
      source: 'option smtpchk',
    },
  ),
  'grpchk': key(
    z.union([
      z.boolean(),
      section('grpchk', {
        service: key(serviceName, {
          about: 'Service that is asked for, such as `shop.v1.Orders`',
          otherwise: 'the server as a whole',
        }),
      }),
    ]),
    { about: 'Check servers by the health service of gRPC', standard: false },
  ),
}

/** The names of {@link probeOptions}; where several are turned on, the first counts. */
export const PROBE_OPTIONS = Object.keys(probeOptions) as readonly (keyof typeof probeOptions)[]

/** Keys of `defaults` and of a backend about checks. */
export const probeSettings = {
  'tcp-check': key(z.array(probeLine).min(1).max(STEPS_MAX), {
    about: 'Steps of `option.tcp-check`: `connect`, `send`, `send-binary`, `expect`, `comment`',
    otherwise: 'none',
    source: 'tcp-check',
  }),
}
