import * as z from 'zod'
import { TLS_VERSIONS } from '../../model/bind-tls.ts'
import { SYSTEM_AUTHORITIES } from '../../model/probe-protocol.ts'
import { refused } from '../diagnostics/diagnostics.ts'
import { DEFAULT_BIND_TLS, DEFAULT_SERVER } from '../values/default-values.ts'
import {
  ALPN_PATTERN,
  parseCiphers,
  parseCiphersuites,
  parseCurves,
  parseServerName,
  SERVER_NAME_PATTERN,
  TLS_LIST_PATTERN,
} from '../values/tls-names.ts'
import { inherited, key, oneOrMany, requiredKey, section } from './sections.ts'
import { UNSUPPORTED_BIND_TLS_KEYS } from './unsupported-keys.ts'
import { type ValueKind, type ValueSchema, valueSchema } from './value-schemas.ts'

const CA_FILE_PATTERN = `^(/.*[^/]|${SYSTEM_AUTHORITIES})$`

const serverName: ValueSchema<string> = valueSchema({
  id: 'server-name',
  title: 'the name of a host',
  pattern: SERVER_NAME_PATTERN,
  read: parseServerName,
})

const alpn = z
  .string()
  .regex(new RegExp(ALPN_PATTERN), 'this is not the name of a protocol, such as http/1.1')
  .meta({ id: 'protocol' })

const caFile: ValueSchema<string> = valueSchema({
  id: 'ca-file',
  title: 'a path',
  pattern: CA_FILE_PATTERN,
  read: (text) =>
    new RegExp(CA_FILE_PATTERN).test(text)
      ? { value: text }
      : refused(
          'this is not the path of a file',
          `Write an absolute path, or ${SYSTEM_AUTHORITIES} for what the system trusts.`,
        ),
})

/** Keys of a server, and of `default-server`, about TLS. */
export const tlsSettings = {
  'check-ssl': key(z.boolean(), { about: 'Make checks over TLS', standard: false }),
  'check-sni': key(serverName, {
    about: 'Name that checks ask for by SNI and that the certificate must have',
    otherwise: 'none; the certificate may have any name',
  }),
  'check-alpn': key(oneOrMany(alpn), {
    about: 'Protocols that checks offer by ALPN, the preferred one first',
    otherwise: 'none',
  }),
  'verify': key(z.enum(['none', 'required']), {
    about: 'Whether the certificate of the server must be valid',
    standard: DEFAULT_SERVER.verify,
  }),
  'ca-file': key(caFile, {
    about: 'File of the authorities that may have signed it, or `@system-ca`',
    standard: SYSTEM_AUTHORITIES,
  }),
}

function tlsList(id: string, read: ValueKind<string>['read']): ValueSchema<string> {
  return valueSchema({ id, title: 'a list of names', pattern: TLS_LIST_PATTERN, read })
}

const ciphers = key(tlsList('ciphers', parseCiphers), {
  about: 'Ciphers of TLS 1.2, the preferred one first',
  standard: DEFAULT_BIND_TLS.ciphers,
})

const ciphersuites = key(tlsList('ciphersuites', parseCiphersuites), {
  about: 'Suites of TLS 1.3, the preferred one first',
  standard: DEFAULT_BIND_TLS.ciphersuites,
})

const curves = key(tlsList('curves', parseCurves), {
  about: 'Groups of the key exchange, the preferred one first',
  otherwise: 'those of OpenSSL',
})

const options = {
  'ssl-min-ver': key(z.enum(TLS_VERSIONS), {
    about: 'The oldest version that clients may use',
    standard: DEFAULT_BIND_TLS.minVersion,
  }),
  'ssl-max-ver': key(z.enum(TLS_VERSIONS), {
    about: 'The newest version that clients may use',
    standard: DEFAULT_BIND_TLS.maxVersion,
  }),
  'prefer-client-ciphers': key(z.boolean(), {
    about: 'What the client likes best is taken, not what stands first here',
    standard: DEFAULT_BIND_TLS.preferClientCiphers,
  }),
  'no-tls-tickets': key(z.boolean(), {
    about: 'No session is resumed by a ticket',
    standard: !DEFAULT_BIND_TLS.hasTickets,
  }),
}

/** Keys of `global` that hold for every bind with `ssl` which does not say otherwise. */
export const bindTlsDefaults = {
  'ssl-default-bind-ciphers': ciphers,
  'ssl-default-bind-ciphersuites': ciphersuites,
  'ssl-default-bind-curves': curves,
  'ssl-default-bind-options': key(
    section('ssl-default-bind-options', options, UNSUPPORTED_BIND_TLS_KEYS),
    { about: 'What else holds for clients with TLS' },
  ),
}

const path = z
  .string()
  .regex(/^\//, 'the path of a file or folder starts with "/"')
  .meta({ id: 'path-or-folder' })

/** Keys of a bind about TLS. */
export const bindTlsSettings = {
  ssl: key(
    section(
      'ssl of a bind',
      {
        'crt': requiredKey(oneOrMany(path), {
          about: 'PEM file with a certificate, its chain and its key, or a folder of such files',
        }),
        'strict-sni': key(z.boolean(), {
          about: 'Refuse clients that ask for no name, or for one that no certificate has',
          standard: false,
        }),
        ...inherited(options, '`global.ssl-default-bind-options`'),
        ...inherited({ ciphers }, '`global.ssl-default-bind-ciphers`'),
        ...inherited({ ciphersuites }, '`global.ssl-default-bind-ciphersuites`'),
        ...inherited({ curves }, '`global.ssl-default-bind-curves`'),
      },
      UNSUPPORTED_BIND_TLS_KEYS,
    ),
    { about: 'Clients use TLS' },
  ),
  alpn: key(oneOrMany(alpn), {
    about: 'Protocols that are agreed on by ALPN, the preferred one first; with `ssl`',
    otherwise: '`http/1.1` in `mode http`, none in `mode tcp`',
  }),
}
