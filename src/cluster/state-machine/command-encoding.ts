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
  type AddServer,
  type AgreedBackend,
  type Command,
  type RemoveServer,
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
 * The newest form of commands and snapshots that this program knows. What each means is frozen: a
 * command that means something else, or has one member more, is of a higher format, and so is
 * whatever else shapes the state: the bounds, the choice of watchers. A cluster agrees in one format
 * at a time, of which `RaiseFormat` makes a higher one once every node knows it
 * (`duties/format-raising.ts`). A node that meets one that it does not know stops following rather
 * than guess, so it is left behind and never at odds.
 *
 * 1: what clusters begin with. 2: formats are raised; changes of servers have an author.
 */
export const FORMAT = 2

/** The oldest form that this program knows: a cluster that agrees in it can be taken over. */
export const FORMAT_MIN = 1

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

/** A {@link SetServer} of format 1, with null for what is not set. */
interface EncodedSetServer {
  readonly kind: 'server-set'
  readonly backend: string
  readonly server: string
  readonly state: SetServer['state'] | null
  readonly weight: number | null
  readonly address: string | null
  readonly unset: readonly ServerSettingName[]
}

/** A change of a server of format 1, which does not say who asked for it. */
type Anonymous<T> = Omit<T, 'author'>

/** How the members of a map are read. */
type MembersOf<T> = { readonly [K in keyof T]: Reader<T[K]> }

/** How the commands of a format are read, by their kind. */
type Readers = { readonly [K in Command['kind']]: Reader<Extract<Command, { kind: K }>> }

const ADD_MEMBERS: MembersOf<Anonymous<AddServer>> = {
  kind: oneOf(['server-add']),
  backend: readName,
  server: readName,
  address: readAddress,
  weight: nullable(readWeight),
}

const SET_MEMBERS: MembersOf<EncodedSetServer> = {
  kind: oneOf(['server-set']),
  backend: readName,
  server: readName,
  state: nullable(oneOf(ADMIN_STATES)),
  weight: nullable(readWeight),
  address: nullable(readAddress),
  unset: listOf(oneOf(SERVER_SETTINGS), SERVER_SETTINGS.length),
}

const REMOVE_MEMBERS: MembersOf<Anonymous<RemoveServer>> = {
  kind: oneOf(['server-remove']),
  backend: readName,
  server: readName,
}

const AUTHOR = { author: text(AUTHOR_LENGTH_MAX) }

const READERS_1: Omit<Readers, 'format-raise'> = {
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
  'server-add': anonymous(record(ADD_MEMBERS)),
  'server-set': anonymous(setServer(record(SET_MEMBERS))),
  'server-remove': anonymous(record(REMOVE_MEMBERS)),
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

const READERS_2: Readers = {
  ...READERS_1,
  'server-add': record<AddServer>({ ...ADD_MEMBERS, ...AUTHOR }),
  'server-set': setServer(record({ ...SET_MEMBERS, ...AUTHOR })),
  'server-remove': record<RemoveServer>({ ...REMOVE_MEMBERS, ...AUTHOR }),
  'format-raise': record({
    kind: oneOf(['format-raise']),
    format: whole(FORMAT_MIN + 1),
  }),
}

/** From format {@link FORMAT_MIN} to {@link FORMAT}. */
const READERS: readonly Partial<Readers>[] = [READERS_1, READERS_2]

const readEnvelope = record<{ format: number; command: unknown }>({
  format: whole(1),
  command: (value) => value,
})

/**
 * Encodes a command, `{"format":1,"command":{...}}`.
 *
 * @param groupFormat in which the cluster agrees; a `RaiseFormat` is of the format that it raises to,
 *   so that no node passes over it that does not know that
 * @throws SluiceError `body-too-large`
 */
export function encodeCommand(command: Command, groupFormat: number): Uint8Array {
  const format = command.kind === 'format-raise' ? command.format : groupFormat
  const bytes = jsonBytes({ format, command: encodable(command, format) })
  if (bytes.length > COMMAND_BYTES_MAX) {
    throw new SluiceError(
      'body-too-large',
      `the change has ${bytes.length} bytes, at most ${COMMAND_BYTES_MAX} can be agreed on`,
    )
  }
  return bytes
}

/** A command as it was agreed on. */
export interface AgreedCommand {
  /** In which it is written. */
  readonly format: number
  readonly command: Command
}

/**
 * Decodes a command. All bytes that are none in their format are told as such, on all nodes alike.
 *
 * @param formatMax the newest format that this node knows
 * @returns null: these bytes are no command
 * @throws SluiceError `state-newer`: of a newer program; this node must not go on
 */
export function decodeCommand(bytes: Uint8Array, formatMax: number = FORMAT): AgreedCommand | null {
  if (bytes.length > COMMAND_BYTES_MAX) return null
  const envelope = readEnvelope(parseJson(bytes))
  if (envelope === undefined) return null
  const { format } = envelope
  if (format > formatMax) {
    throw new SluiceError('state-newer', `a command is of format ${format}, this is ${formatMax}`)
  }
  const command = readCommand(envelope.command, READERS[format - FORMAT_MIN] ?? {})
  if (command === null) return null
  if (command.kind === 'format-raise' && command.format !== format) return null
  return { format, command }
}

function readCommand(value: unknown, readers: Partial<Readers>): Command | null {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return null
  const { kind } = value
  if (typeof kind !== 'string' || !Object.hasOwn(readers, kind)) return null
  return readers[kind as Command['kind']]?.(value) ?? null
}

/** As the command is written in a format; members of all formats in one order. */
function encodable(command: Command, format: number): object {
  switch (command.kind) {
    case 'server-set': {
      const { kind, backend, server, state = null, weight = null, address = null, unset } = command
      const encoded = { kind, backend, server, state, weight, address, unset }
      return format === 1 ? encoded : { ...encoded, author: command.author }
    }
    case 'server-add':
    case 'server-remove': {
      const { author, ...encoded } = command
      return format === 1 ? encoded : { ...encoded, author }
    }
    case 'config-activate':
    case 'config-confirm':
    case 'config-expire':
    case 'health-report':
    case 'witnesses-set':
    case 'format-raise':
      return command
  }
}

/** Reads a command of format 1, whose author nobody knows. */
function anonymous<T extends object>(read: Reader<T>): Reader<T & { readonly author: string }> {
  return (value) => {
    const command = read(value)
    return command && { ...command, author: '' }
  }
}

/** Reads what is encoded otherwise than it is declared. */
function setServer<T extends EncodedSetServer>(
  read: Reader<T>,
): Reader<Omit<T, 'state' | 'weight' | 'address'> & Anonymous<SetServer>> {
  return (value) => {
    const command = read(value)
    if (command === undefined || !isSoundUnset(command)) return undefined
    const { state, weight, address, ...rest } = command
    return {
      ...rest,
      ...(state && { state }),
      ...(weight !== null && { weight }),
      ...(address !== null && { address }),
    }
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
