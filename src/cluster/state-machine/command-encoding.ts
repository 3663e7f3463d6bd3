import { SluiceError } from '../../base/errors.ts'
import { ADMIN_STATES, WEIGHT_MAX } from '../../model/admin-state.ts'
import { COMMENT_LENGTH_MAX, CONFIRM_MIN_MS } from '../../model/change-limits.ts'
import { HEALTH_AGREEMENTS } from '../../model/health-agreement.ts'
import {
  ADDRESS_LENGTH_MAX,
  AUTHOR_LENGTH_MAX,
  COMMAND_BYTES_MAX,
  CONFIRM_MAX_MS,
  NAMES_MAX,
  NODE_NAME_LENGTH_MAX,
  REASON_LENGTH_MAX,
  REPORT_VERDICTS_MAX,
  RUN_LENGTH_MAX,
  TEXT_BYTES_MAX,
  WITNESSES_MAX,
} from './bounds.ts'
import {
  type AgreedBackend,
  type Command,
  SERVER_SETTINGS,
  type ServerSettingName,
  type ServerVerdict,
  type SetServer,
} from './commands.ts'
import {
  jsonBytes,
  listOf,
  matching,
  nullable,
  oneOf,
  parseJson,
  type Reader,
  record,
  text,
  truth,
  whole,
} from './json-fields.ts'

/**
 * The newest form of commands and snapshots that this program knows. What it means is frozen: a
 * command that means something else, or has one member more, is of a higher format, and so is
 * whatever else shapes the state: the bounds, the choice of watchers. A program that
 * knows a higher one uses it only when every node says that it knows it too (`format` in the answer
 * to the request `status`). A node that meets one that it does not know stops following rather than
 * guess, so it is left behind and never at odds.
 */
export const FORMAT = 1

/** The name of a backend or a server. */
export const NAME = /^(?!__proto__$)[A-Za-z0-9_.:-]{1,64}$/

/** `backend/server`. */
export const SERVER_KEY = /^[A-Za-z0-9_.:-]{1,64}\/[A-Za-z0-9_.:-]{1,64}$/

/** What a node calls itself. */
export const readNodeName: Reader<string> = text(NODE_NAME_LENGTH_MAX, 1)

/** The backends of a text. */
export const readBackends: Reader<AgreedBackend[]> = listOf(
  record<AgreedBackend>({
    name: matching(NAME),
    healthAgreement: oneOf(HEALTH_AGREEMENTS),
    watchers: nullable(whole(1, WITNESSES_MAX)),
  }),
  NAMES_MAX,
)

/** The servers of a text. */
export const readServerKeys: Reader<string[]> = listOf(matching(SERVER_KEY), NAMES_MAX)

/** Any time since 1970. */
export const readTimeMs: Reader<number> = whole(0)

const readVersion = whole(0)
const readName = matching(NAME)
const readAddress = text(ADDRESS_LENGTH_MAX, 1)
const readWeight = whole(0, WEIGHT_MAX)

const readVerdict = record<ServerVerdict>({
  key: matching(SERVER_KEY),
  isUp: nullable(truth),
  reason: text(REASON_LENGTH_MAX),
})

/** A {@link SetServer} with null for what is not set. */
interface EncodedSetServer {
  readonly kind: 'server-set'
  readonly backend: string
  readonly server: string
  readonly state: SetServer['state'] | null
  readonly weight: number | null
  readonly address: string | null
  readonly unset: readonly ServerSettingName[]
}

/** Everything but `server-set`, which is encoded otherwise than it is declared. */
type PlainCommand = Exclude<Command, SetServer>

const PLAIN_READERS: {
  readonly [K in PlainCommand['kind']]: Reader<Extract<PlainCommand, { kind: K }>>
} = {
  'config-activate': record({
    kind: oneOf(['config-activate']),
    expectedVersion: readVersion,
    text: text(TEXT_BYTES_MAX),
    servers: readServerKeys,
    backends: readBackends,
    author: text(AUTHOR_LENGTH_MAX),
    timeMs: readTimeMs,
    comment: text(COMMENT_LENGTH_MAX),
    cause: oneOf(['seed', 'apply', 'rollback']),
    confirmMs: nullable(whole(CONFIRM_MIN_MS, CONFIRM_MAX_MS)),
  }),
  'config-confirm': record({ kind: oneOf(['config-confirm']), version: readVersion }),
  'config-expire': record({
    kind: oneOf(['config-expire']),
    version: readVersion,
    timeMs: readTimeMs,
  }),
  'server-add': record({
    kind: oneOf(['server-add']),
    backend: readName,
    server: readName,
    address: readAddress,
    weight: nullable(readWeight),
  }),
  'server-remove': record({ kind: oneOf(['server-remove']), backend: readName, server: readName }),
  'health-report': record({
    kind: oneOf(['health-report']),
    node: readNodeName,
    run: text(RUN_LENGTH_MAX, 1),
    verdicts: listOf(readVerdict, REPORT_VERDICTS_MAX),
  }),
  'witnesses-set': record({
    kind: oneOf(['witnesses-set']),
    nodes: listOf(readNodeName, WITNESSES_MAX),
  }),
}

const readSetServer = record<EncodedSetServer>({
  kind: oneOf(['server-set']),
  backend: readName,
  server: readName,
  state: nullable(oneOf(ADMIN_STATES)),
  weight: nullable(readWeight),
  address: nullable(readAddress),
  unset: listOf(oneOf(SERVER_SETTINGS), SERVER_SETTINGS.length),
})

const readEnvelope = record<{ format: number; command: unknown }>({
  format: whole(1),
  command: (value) => value,
})

/**
 * Encodes a command, `{"format":1,"command":{...}}`.
 *
 * @throws SluiceError `body-too-large`
 */
export function encodeCommand(command: Command): Uint8Array {
  const bytes = jsonBytes({ format: FORMAT, command: encodable(command) })
  if (bytes.length > COMMAND_BYTES_MAX) {
    throw new SluiceError(
      'body-too-large',
      `the change has ${bytes.length} bytes, at most ${COMMAND_BYTES_MAX} can be agreed on`,
    )
  }
  return bytes
}

/**
 * Decodes a command. All bytes that are none of {@link FORMAT} are told as such, on all nodes alike.
 *
 * @returns null: these bytes are no command
 * @throws SluiceError `state-newer`: of a newer program; this node must not go on
 */
export function decodeCommand(bytes: Uint8Array): Command | null {
  if (bytes.length > COMMAND_BYTES_MAX) return null
  const envelope = readEnvelope(parseJson(bytes))
  if (envelope === undefined) return null
  const { format, command } = envelope
  if (format > FORMAT) {
    throw new SluiceError('state-newer', `a command is of format ${format}, this is ${FORMAT}`)
  }
  if (typeof command !== 'object' || command === null || !('kind' in command)) return null
  const { kind } = command
  if (kind === 'server-set') return decodeSetServer(command)
  if (typeof kind !== 'string' || !isPlainKind(kind)) return null
  return PLAIN_READERS[kind](command) ?? null
}

function isPlainKind(kind: string): kind is PlainCommand['kind'] {
  return Object.hasOwn(PLAIN_READERS, kind)
}

function encodable(command: Command): PlainCommand | EncodedSetServer {
  if (command.kind !== 'server-set') return command
  const { kind, backend, server, state = null, weight = null, address = null, unset } = command
  return { kind, backend, server, state, weight, address, unset }
}

function decodeSetServer(value: unknown): SetServer | null {
  const read = readSetServer(value)
  if (read === undefined || !isSoundUnset(read)) return null
  const { kind, backend, server, state, weight, address, unset } = read
  return {
    kind,
    backend,
    server,
    ...(state && { state }),
    ...(weight !== null && { weight }),
    ...(address !== null && { address }),
    unset,
  }
}

function isSoundUnset(command: EncodedSetServer): boolean {
  const { unset } = command
  const ordered = SERVER_SETTINGS.filter((name) => unset.includes(name))
  return (
    ordered.length === unset.length &&
    ordered.every((name, n) => name === unset[n] && command[name] === null)
  )
}
