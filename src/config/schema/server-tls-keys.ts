import * as z from 'zod'
import { SYSTEM_AUTHORITIES } from '../../model/probe-protocol.ts'
import { refused } from '../diagnostics/diagnostics.ts'
import { DEFAULT_SERVER } from '../values/default-values.ts'
import { ALPN_PATTERN, parseServerName, SERVER_NAME_PATTERN } from '../values/server-names.ts'
import { key, oneOrMany } from './sections.ts'
import { type ValueSchema, valueSchema } from './value-schemas.ts'

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
