import { createHash } from 'node:crypto'
import { SluiceError } from '../base/errors.ts'
import {
  jsonBytes,
  nullable,
  parseJson,
  type Reader,
  record,
  text,
  truth,
  whole,
} from './state-machine/json-fields.ts'
import { decodeState } from './state-machine/state-snapshot.ts'

/** The newest form of backups that this program knows; a change of what they mean is a higher one. */
const BACKUP_FORMAT = 1

/** Characters of a name or an id in a head. */
const NAME_LENGTH_MAX = 255

/** `2026-01-02T03:04:05.000Z`, a year of more digits too. */
const TIME_LENGTH_MAX = 32

/** Where a backup comes from. */
export interface BackupHead {
  /** {@link BACKUP_FORMAT} of the program that made it. */
  readonly format: number
  /** Null: of a single node. */
  readonly clusterId: string | null
  /** Name of the node whose state it is. */
  readonly node: string
  /** When it was made, ISO 8601, by the clock of that node. */
  readonly time: string
  readonly epoch: number
  /** Up to which everything that was agreed on is in it. */
  readonly index: number
  /** It has all that any node had acknowledged before; otherwise what the node knew. */
  readonly linearizable: boolean
}

/** What a backup holds. */
export interface Backup {
  readonly head: BackupHead
  /** As a state machine's snapshot. */
  readonly state: Uint8Array
}

const readFormat = record<{ format: number }>({ format: whole(1) }, 'left-out')

const readHead: Reader<BackupHead> = record<BackupHead>({
  format: whole(BACKUP_FORMAT, BACKUP_FORMAT),
  clusterId: nullable(text(NAME_LENGTH_MAX, 1)),
  node: text(NAME_LENGTH_MAX, 1),
  time: text(TIME_LENGTH_MAX, 1),
  epoch: whole(0),
  index: whole(0),
  linearizable: truth,
})

const LINE_FEED = 0x0a

/**
 * Writes a backup: three lines of UTF-8, the head and the state in JSON, and `sha256 ` with the
 * SHA-256 of the two lines before, so that a file that was cut or altered anywhere is known for it.
 */
export function encodeBackup(origin: Omit<BackupHead, 'format'>, state: Uint8Array): Uint8Array {
  const head = jsonBytes({ format: BACKUP_FORMAT, ...origin })
  const content = Buffer.concat([head, Buffer.of(LINE_FEED), state, Buffer.of(LINE_FEED)])
  return Buffer.concat([content, Buffer.from(lastLineOf(content))])
}

/**
 * Reads what {@link encodeBackup} wrote, and makes sure that this program can run it.
 *
 * @throws SluiceError `backup-damaged`, `backup-newer`
 */
export function decodeBackup(bytes: Uint8Array): Backup {
  const headEnd = bytes.indexOf(LINE_FEED)
  const stateEnd = bytes.indexOf(LINE_FEED, headEnd + 1)
  if (headEnd < 0 || stateEnd < 0) throw damaged('it has no three lines')
  const last = Buffer.from(bytes.subarray(stateEnd + 1)).toString('latin1')
  if (last !== lastLineOf(bytes.subarray(0, stateEnd + 1))) {
    throw damaged('its checksum is that of something else')
  }
  const head = headIn(bytes.subarray(0, headEnd))
  const state = bytes.slice(headEnd + 1, stateEnd)
  expectState(state)
  return { head, state }
}

/** @returns the error of a node that was started without a quorum, and so has nothing to back up */
export function nothingLearnt(node: string): SluiceError {
  const text = `${node} has not learnt since its start what was agreed on before`
  return new SluiceError('no-quorum', text)
}

function lastLineOf(content: Uint8Array): string {
  return `sha256 ${createHash('sha256').update(content).digest('hex')}\n`
}

function headIn(line: Uint8Array): BackupHead {
  const json = parseJson(line)
  const format = readFormat(json)?.format ?? BACKUP_FORMAT
  if (format > BACKUP_FORMAT) {
    throw newer(`the backup is of format ${format}, this is ${BACKUP_FORMAT}`)
  }
  const head = readHead(json)
  if (head !== undefined) return head
  throw damaged('its first line is no head')
}

function expectState(state: Uint8Array): void {
  try {
    decodeState(state)
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    if (error.code === 'state-newer') throw newer(error.message)
    throw damaged('what it holds is no state of a cluster')
  }
}

function damaged(what: string): SluiceError {
  return new SluiceError('backup-damaged', `the backup cannot be used: ${what}`)
}

function newer(what: string): SluiceError {
  return new SluiceError('backup-newer', what)
}
