import * as z from 'zod'
import { TLS_VERSIONS } from '../../model/bind-tls.ts'
import { SYSTEM_AUTHORITIES } from '../../model/outgoing-tls.ts'
import { refused } from '../diagnostics/diagnostics.ts'
import { DEFAULT_BIND_TLS, DEFAULT_OUTGOING_TLS } from '../values/default-values.ts'
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
import {
  UNSUPPORTED_ADMIN_TLS_KEYS,
  UNSUPPORTED_BIND_TLS_KEYS,
  UNSUPPORTED_SERVER_TLS_KEYS,
} from './unsupported-keys.ts'
import { absolutePath, type ValueKind, type ValueSchema, valueSchema } from './value-schemas.ts'

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

const verify = key(z.enum(['none', 'required']), {
  about: 'Whether the certificate of the server must be valid',
  standard: DEFAULT_OUTGOING_TLS.verify ? 'required' : 'none',
})

const caFiles = {
  'ca-file': key(caFile, {
    about: 'File of the authorities that may have signed it, or `@system-ca`',
    standard: SYSTEM_AUTHORITIES,
  }),
}

const serverOptions = {
  verify,
  'ssl-min-ver': key(z.enum(TLS_VERSIONS), {
    about: 'The oldest version that servers may use',
    standard: DEFAULT_OUTGOING_TLS.minVersion,
  }),
  'ssl-max-ver': key(z.enum(TLS_VERSIONS), {
    about: 'The newest version that servers may use',
    standard: DEFAULT_OUTGOING_TLS.maxVersion,
  }),
  'no-ssl-reuse': key(z.boolean(), {
    about: 'No session is resumed: every handshake is done in full',
    standard: !DEFAULT_OUTGOING_TLS.reusesSessions,
  }),
}

/** Keys of `global` that hold for every server with `ssl` which does not say otherwise. */
export const serverTlsDefaults = {
  'ssl-default-server-ciphers': ciphers,
  'ssl-default-server-ciphersuites': ciphersuites,
  'ssl-default-server-options': key(
    section('ssl-default-server-options', serverOptions, UNSUPPORTED_SERVER_TLS_KEYS),
    { about: 'What else holds for servers with TLS' },
  ),
}

const serverTls = section(
  'ssl of a server',
  {
    ...caFiles,
    'sni': key(z.string().min(1).meta({ id: 'server-name-or-expression' }), {
      about: 'Name that the server is asked for, or an expression that gives one',
      otherwise: 'none',
    }),
    'verifyhost': key(serverName, {
      about: 'Name that the certificate must have',
      otherwise: '`sni`; without it the certificate may have any name',
    }),
    'crt': key(absolutePath, {
      about: 'PEM file with the certificate that the server is shown, its chain and its key',
      otherwise: 'none',
    }),
    'crl-file': key(absolutePath, {
      about: 'PEM file with lists of certificates that are trusted no more, one of each authority',
      otherwise: 'none',
    }),
    'alpn': key(oneOrMany(alpn), {
      about: 'Protocols that are offered by ALPN, the preferred one first',
      otherwise: 'none',
    }),
    ...inherited(serverOptions, '`global.ssl-default-server-options`'),
    ...inherited({ ciphers }, '`global.ssl-default-server-ciphers`'),
    ...inherited({ ciphersuites }, '`global.ssl-default-server-ciphersuites`'),
  },
  UNSUPPORTED_SERVER_TLS_KEYS,
)

/** Keys of a server, and of `default-server`, about TLS. */
export const tlsSettings = {
  'ssl': key(z.union([z.boolean(), serverTls]), {
    about: 'Traffic is over TLS, and so are checks',
    standard: false,
  }),
  'check-ssl': key(z.boolean(), { about: 'Make checks over TLS', otherwise: 'as `ssl` says' }),
  'no-check-ssl': key(z.boolean(), {
    about: 'Make checks without TLS, also where traffic uses it',
    standard: false,
  }),
  'check-sni': key(serverName, {
    about: 'Name that checks ask for by SNI',
    otherwise: '`sni`, where that is a name; else none',
  }),
  'check-alpn': key(oneOrMany(alpn), {
    about: 'Protocols that checks offer by ALPN, the preferred one first',
    otherwise: 'none',
  }),
  ...inherited({ verify }, '`verify` of `ssl`'),
  ...caFiles,
}

const clientVerification = {
  'verify': key(z.enum(['none', 'optional', 'required']), {
    about: 'Whether clients may, or must, show a certificate of an authority of `ca-file`',
    standard: 'none',
  }),
  'ca-file': key(caFile, {
    about: 'File of the authorities that may have signed certificates of clients, or `@system-ca`',
    otherwise: 'none',
  }),
  'crl-file': key(absolutePath, {
    about: 'PEM file with lists of certificates that are trusted no more, one of each authority',
    otherwise: 'none',
  }),
  'crt-ignore-err': key(z.enum(['all']), {
    about: 'Let clients in whatever is wrong with their certificate; rules ask `ssl_c_verify`',
    otherwise: 'none',
  }),
  'ca-ignore-err': key(z.enum(['all']), {
    about: 'The same of the certificates of their authorities',
    otherwise: 'none',
  }),
}

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

/** `ssl` of the admin address. */
export const adminTls = section(
  'ssl of admin',
  {
    crt: requiredKey(oneOrMany(path), {
      about: 'PEM file with a certificate, its chain and its key, or a folder of such files',
    }),
    ...inherited(options, '`global.ssl-default-bind-options`'),
    ...inherited({ ciphers }, '`global.ssl-default-bind-ciphers`'),
    ...inherited({ ciphersuites }, '`global.ssl-default-bind-ciphersuites`'),
    ...inherited({ curves }, '`global.ssl-default-bind-curves`'),
  },
  UNSUPPORTED_ADMIN_TLS_KEYS,
)

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
        ...clientVerification,
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
    otherwise:
      '`h2` and `http/1.1` in `mode http`, or the one that `proto` names; none in `mode tcp`',
  }),
}
