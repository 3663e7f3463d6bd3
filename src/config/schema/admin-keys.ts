import * as z from 'zod'
import type { InetAddress } from '../../base/address.ts'
import { ADMIN_LEVELS } from '../../model/admin-level.ts'
import { type Parsed, refused } from '../diagnostics/diagnostics.ts'
import { parseAddress } from '../values/addresses.ts'
import { DEFAULT_ADMIN_BIND, DEFAULT_ADMIN_ENV } from '../values/default-values.ts'
import { key, namedMap, oneOrMany, requiredKey, section } from './sections.ts'
import { adminTls } from './tls-keys.ts'
import { UNSUPPORTED_ADMIN_KEYS } from './unsupported-keys.ts'
import { absolutePath, type ValueSchema, valueSchema, words } from './value-schemas.ts'

const SOCKET_PATH_PATTERN = '^(unix@)?/.*[^/]$'
const INET_PATTERN = '^(ipv4@|ipv6@)?[^@/,\\s]*:[0-9]+$'
const SOCKET_MODE_PATTERN = '^0?6[06]0$'
const GROUP_PATTERN = '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$'

const inetAddressOrOff: ValueSchema<InetAddress | null> = valueSchema<InetAddress | null>({
  id: 'inet-address-or-off',
  title: 'an address',
  pattern: `${INET_PATTERN}|^off$`,
  read: (text) => (text === 'off' ? { value: null } : parseInetAddress(text)),
})

const socketPath: ValueSchema<string> = valueSchema({
  id: 'socket-path',
  title: 'the path of a Unix socket',
  pattern: SOCKET_PATH_PATTERN,
  read: (text) => parseSocketPath(text, ''),
})

const socketPathOrOff: ValueSchema<string | null> = valueSchema<string | null>({
  id: 'socket-path-or-off',
  title: 'the path of a Unix socket',
  pattern: `${SOCKET_PATH_PATTERN}|^off$`,
  read: (text) => (text === 'off' ? { value: null } : parseSocketPath(text, ', or off')),
})

/** Permission bits, read as octal digits whether or not they stand in quotes. */
const socketMode: ValueSchema<number> = valueSchema({
  id: 'socket-mode',
  title: 'permissions',
  pattern: SOCKET_MODE_PATTERN,
  numbers: { minimum: 600, maximum: 660 },
  read: (text) =>
    new RegExp(SOCKET_MODE_PATTERN).test(text)
      ? { value: Number.parseInt(text, 8) }
      : refused(
          'this is not a mode of the admin socket',
          'Write 0600 for its user alone, or 0660 for its group too.',
          'out-of-range',
        ),
})

const groupName: ValueSchema<string> = valueSchema({
  id: 'group',
  title: 'a group',
  pattern: GROUP_PATTERN,
  numbers: { minimum: 0, maximum: 4_294_967_294 },
  read: (text) =>
    new RegExp(GROUP_PATTERN).test(text)
      ? { value: text }
      : refused('this is not the name of a group', 'Write its name or its number.'),
})

const socketSchema = section('socket of admin', {
  path: key(socketPath, {
    about: 'Where it is',
    otherwise: 'where commands look for it',
  }),
  mode: key(socketMode, {
    about: 'Who may connect: `0600` its user, `0660` its group too',
    otherwise: '`0660` with `group`, else `0600`',
  }),
  group: key(groupName, {
    about: 'Whose group it is, by name or number',
    otherwise: "the process' own",
  }),
})

const folder = z
  .string()
  .regex(/^\/.*$/, 'the path of a folder starts with "/"')
  .meta({ id: 'folder' })

const variable = z
  .string()
  .regex(
    /^([A-Za-z_][A-Za-z0-9_]*\*?|\*)$/,
    'this is not the name of a variable, such as WEB_PORT or WEB_*',
  )
  .meta({ id: 'variable' })

const tokenSchema = section('a token of admin', {
  file: requiredKey(absolutePath, { about: 'File that holds it' }),
  level: requiredKey(z.enum(ADMIN_LEVELS), {
    about: 'What it is good for: reading; changing servers too; everything',
  }),
})

/** Section `admin`. */
export const adminSchema = section(
  'admin',
  {
    'socket': key(z.union([socketPathOrOff, socketSchema]), {
      about: 'Unix socket with the whole API, for whoever may connect to it',
      otherwise: 'where commands look for it, with mode `0600`',
      source: 'stats socket',
    }),
    'bind': key(inetAddressOrOff, {
      about: 'Where metrics and the API are served over TCP',
      standard: DEFAULT_ADMIN_BIND,
      source: 'stats uri',
    }),
    'ssl': key(z.union([z.enum(['off']), adminTls]), {
      about: 'Whoever comes to `bind` uses HTTPS; `off`: nobody does, also beyond loopback',
      otherwise: 'nobody does; beyond loopback it has to be said',
    }),
    'token-file': key(words, {
      about: 'File with a token for `bind` that is good for everything',
      otherwise: 'none',
    }),
    'files': key(oneOrMany(folder), {
      about: 'Folders below which a config may name files that is not the file of the node',
      otherwise: 'the folder of the config file',
    }),
    'env': key(oneOrMany(variable), {
      about: 'Variables, as `NAME` or `PREFIX_*`, that such a config may name',
      standard: DEFAULT_ADMIN_ENV,
    }),
    'tokens': key(namedMap(tokenSchema), {
      about: 'Tokens for `bind`, by the name of who brings them',
      otherwise: 'none',
    }),
  },
  UNSUPPORTED_ADMIN_KEYS,
)

function parseInetAddress(text: string): Parsed<InetAddress> {
  const result = parseAddress(text, 'bind')
  if ('problem' in result) return result
  if (result.value.kind === 'inet') return { value: result.value }
  const hint = `Write it as socket: ${result.value.path}.`
  return refused('the admin address is an IP address with a port', hint)
}

/** @param otherwise what may stand there instead, to end the hint with */
function parseSocketPath(text: string, otherwise: string): Parsed<string> {
  const result = parseAddress(text, 'bind')
  if ('value' in result && result.value.kind === 'unix') return { value: result.value.path }
  if ('problem' in result && /^(unix@)?\//.test(text)) return result
  const hint = `Write its absolute path${otherwise}.`
  return refused('this is not the path of a Unix socket', hint)
}
