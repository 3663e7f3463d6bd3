import { SluiceError } from '../base/errors.ts'
import { ALARM_CODES, type Alarm } from './alarms.ts'
import type { ClusterNodeStatus } from './cluster.ts'
import { COMMAND_BYTES_MAX, TEXT_BYTES_MAX } from './state-machine/bounds.ts'
import { FORMAT, FORMAT_MIN, readNodeName, readTimeMs } from './state-machine/command-encoding.ts'
import {
  jsonBytes,
  listOf,
  nullable,
  oneOf,
  parseJson,
  type Reader,
  record,
  text,
  whole,
} from './state-machine/json-fields.ts'

/** Bytes of an answer that is read. */
const ANSWER_BYTES_MAX = 65_536

/** What was prepared is kept for ten minutes at most. */
const KEEP_MS_MAX = 600_000

/** Characters of {@link NodeReport.note}; more is cut. */
export const NOTE_LENGTH_MAX = 2_000

/** Alarms of one node, and characters of what one says; more is cut. */
const ALARMS_MAX = 64
const ALARM_LENGTH_MAX = 500

/** Says nothing more than that it was sent. */
export type EmptyMessage = Readonly<Record<string, never>>

/** Asks a node to make sure that it can run a text. */
export interface PrepareRequest {
  readonly text: string
  /** How long to keep what was bound for it. */
  readonly keepMs: number
}

/** Asks a node how long a version has waited to be confirmed. */
export interface ElapsedRequest {
  readonly version: number
}

/** What it has counted. */
export interface ElapsedAnswer {
  /** Null: the version does not wait there. */
  readonly elapsedMs: number | null
}

/** The formats of commands and snapshots that a node knows. */
export interface KnownFormats {
  /** The newest. */
  readonly format: number
  /** The oldest. */
  readonly formatMin: number
}

/** What a node says of itself. */
export interface NodeReport extends KnownFormats {
  readonly role: Exclude<ClusterNodeStatus['role'], 'invited' | 'unknown'>
  readonly epoch: number
  readonly appliedIndex: number
  readonly lastIndex: number
  readonly configVersion: number
  readonly configHash: string | null
  readonly stateHash: string
  readonly uptimeSeconds: number
  readonly note: string
  /** What it raises an alarm for, be it about another node. */
  readonly alarms: readonly Alarm[]
}

const readPrepare = record<PrepareRequest>(
  { text: text(TEXT_BYTES_MAX), keepMs: whole(0, KEEP_MS_MAX) },
  'left-out',
)

const readFormatMin = record<Pick<KnownFormats, 'formatMin'>>({ formatMin: whole(1) }, 'left-out')

const readFormats = record<KnownFormats>({ format: whole(1), formatMin: whole(1) }, 'left-out')

/** What an earlier version says too, which knew format {@link FORMAT_MIN} alone. */
const readReport: Reader<Omit<NodeReport, 'formatMin' | 'alarms'>> = record(
  {
    format: whole(1),
    role: oneOf(['leader', 'candidate', 'follower', 'learner', 'outsider']),
    epoch: whole(0),
    appliedIndex: whole(0),
    lastIndex: whole(0),
    configVersion: whole(0),
    configHash: nullable(text(64, 64)),
    stateHash: text(64, 64),
    uptimeSeconds: whole(0),
    note: text(NOTE_LENGTH_MAX),
  },
  'left-out',
)

/** An alarm of a code that this version does not know has the whole list passed over. */
const readAlarms = record<Pick<NodeReport, 'alarms'>>(
  {
    alarms: listOf(
      record<Alarm>({
        code: oneOf(ALARM_CODES),
        node: readNodeName,
        sinceMs: readTimeMs,
        message: text(ALARM_LENGTH_MAX),
      }),
      ALARMS_MAX,
    ),
  },
  'left-out',
)

const readElapsedRequest = record<ElapsedRequest>({ version: whole(1) }, 'left-out')

const readElapsedAnswer = record<ElapsedAnswer>({ elapsedMs: nullable(whole(0)) }, 'left-out')

/**
 * Encodes a request or an answer, with the newest format of commands that this node knows. Members
 * that the other node does not know are passed over there.
 */
export function encodeMessage(
  message:
    | PrepareRequest
    | NodeReport
    | KnownFormats
    | ElapsedRequest
    | ElapsedAnswer
    | EmptyMessage,
): Uint8Array {
  return jsonBytes({ format: FORMAT, ...message })
}

/** As many alarms as are read. */
export function boundedAlarms(alarms: readonly Alarm[]): readonly Alarm[] {
  return alarms.slice(0, ALARMS_MAX).map((alarm) => {
    return { ...alarm, message: alarm.message.slice(0, ALARM_LENGTH_MAX) }
  })
}

/** @throws SluiceError `request-invalid` */
export function decodePrepare(body: Uint8Array): PrepareRequest {
  const request = body.length > COMMAND_BYTES_MAX ? undefined : readPrepare(parseJson(body))
  if (request === undefined) {
    throw new SluiceError('request-invalid', 'the request to prepare a config cannot be read')
  }
  return request
}

/** @throws SluiceError `request-invalid` */
export function decodeElapsedRequest(body: Uint8Array): ElapsedRequest {
  const request = body.length > ANSWER_BYTES_MAX ? undefined : readElapsedRequest(parseJson(body))
  if (request !== undefined) return request
  throw new SluiceError('request-invalid', 'the request about a confirmation cannot be read')
}

/** @returns milliseconds; null: the version does not wait there, or these bytes are no answer */
export function decodeElapsed(answer: Uint8Array): number | null {
  if (answer.length > ANSWER_BYTES_MAX) return null
  return readElapsedAnswer(parseJson(answer))?.elapsedMs ?? null
}

/** @returns null: these bytes are none */
export function decodeReport(answer: Uint8Array): NodeReport | null {
  if (answer.length > ANSWER_BYTES_MAX) return null
  const json = parseJson(answer)
  const report = readReport(json)
  if (report === undefined) return null
  const { formatMin } = readFormatMin(json) ?? { formatMin: FORMAT_MIN }
  return { ...report, formatMin, alarms: readAlarms(json)?.alarms ?? [] }
}

/** @returns null: these bytes are none */
export function decodeFormats(answer: Uint8Array): KnownFormats | null {
  return answer.length > ANSWER_BYTES_MAX ? null : (readFormats(parseJson(answer)) ?? null)
}
