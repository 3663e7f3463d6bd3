import { ByteReader, invalidEncoding } from '../encoding/byte-reader.ts'
import { ByteWriter } from '../encoding/byte-writer.ts'
import type { Entry } from '../log/entries.ts'
import { entryBytes, membershipBytes } from '../log/entry-bytes.ts'
import {
  ENTRY_BYTES_MIN,
  readEntry,
  readMembership,
  readNodeId,
  writeEntry,
  writeMembership,
} from '../log/entry-encoding.ts'
import type { Append, Message, SnapshotChunk } from './messages.ts'

/** First byte of every message. A message that an older node could misread gets another. */
const FORMAT_VERSION = 1
/** What a message takes beside entries and data, about. */
const MESSAGE_BYTES = 128

type Type = Message['type']
type Of<T extends Type> = Extract<Message, { type: T }>
type Fields<T extends Type> = Omit<Of<T>, 'type' | 'from' | 'to' | 'term'>

/** How the fields of a type of message are written and read, after what all have. */
interface Layout<T extends Type> {
  readonly code: number
  write(writer: ByteWriter, message: Of<T>): void
  read(reader: ByteReader): Fields<T>
}

const log = {
  write(writer: ByteWriter, message: Fields<'pre-vote'>): void {
    writer.count(message.lastIndex)
    writer.count(message.lastTerm)
  },
  read(reader: ByteReader): Fields<'pre-vote'> {
    return { lastIndex: reader.count(), lastTerm: reader.count() }
  },
}

const answer = {
  write(writer: ByteWriter, message: Fields<'vote-reply'>): void {
    writer.flag(message.isGranted)
  },
  read(reader: ByteReader): Fields<'vote-reply'> {
    return { isGranted: reader.flag() }
  },
}

/** Codes are for ever: one that is given up is not used again. */
const LAYOUTS: { readonly [T in Type]: Layout<T> } = {
  'pre-vote': { code: 1, ...log },
  'pre-vote-reply': { code: 2, ...answer },
  'vote': {
    code: 3,
    write(writer, message) {
      log.write(writer, message)
      writer.flag(message.isTransfer)
    },
    read: (reader) => ({ ...log.read(reader), isTransfer: reader.flag() }),
  },
  'vote-reply': { code: 4, ...answer },
  'append': { code: 5, write: writeAppend, read: readAppend },
  'append-reply': {
    code: 6,
    write(writer, message) {
      writer.count(message.index)
      writer.flag(message.isRejected)
      writer.count(message.hintIndex)
      writer.count(message.hintTerm)
    },
    read: (reader) => ({
      index: reader.count(),
      isRejected: reader.flag(),
      hintIndex: reader.count(),
      hintTerm: reader.count(),
    }),
  },
  'heartbeat': {
    code: 7,
    write(writer, message) {
      writer.count(message.commit)
      writer.count(message.round)
    },
    read: (reader) => ({ commit: reader.count(), round: reader.count() }),
  },
  'heartbeat-reply': {
    code: 8,
    write: (writer, message) => writer.count(message.round),
    read: (reader) => ({ round: reader.count() }),
  },
  'snapshot-chunk': { code: 9, write: writeSnapshotChunk, read: readSnapshotChunk },
  'snapshot-reply': {
    code: 10,
    write(writer, message) {
      writer.count(message.index)
      writer.count(message.offset)
    },
    read: (reader) => ({ index: reader.count(), offset: reader.count() }),
  },
  'timeout-now': { code: 11, write: () => {}, read: () => ({}) },
  'read-request': {
    code: 12,
    write: (writer, message) => writer.count(message.context),
    read: (reader) => ({ context: reader.count() }),
  },
  'read-reply': {
    code: 13,
    write(writer, message) {
      writer.count(message.context)
      writer.flag(message.index !== null)
      if (message.index !== null) writer.count(message.index)
    },
    read: (reader) => ({
      context: reader.count(),
      index: reader.flag() ? reader.count() : null,
    }),
  },
}

const TYPES = new Map((Object.keys(LAYOUTS) as Type[]).map((type) => [LAYOUTS[type].code, type]))

/** What {@link decodeMessage} reads. */
export function encodeMessage(message: Message): Uint8Array {
  // The table has for each type the layout of that type.
  const layout = LAYOUTS[message.type] as Layout<Type>
  const writer = new ByteWriter(messageBytes(message))
  writer.byte(FORMAT_VERSION)
  writer.byte(layout.code)
  writer.text(message.from)
  writer.text(message.to)
  writer.count(message.term)
  layout.write(writer, message)
  return writer.finish()
}

/**
 * Total: a message, or an error. What a message promises of itself holds; whether it comes from
 * whom it says, and at the right time, it cannot tell.
 *
 * @param bytes data in the message are views of them
 * @throws SluiceError `encoding-invalid`
 */
export function decodeMessage(bytes: Uint8Array): Message {
  const reader = new ByteReader(bytes)
  const version = reader.byte()
  if (version !== FORMAT_VERSION) throw invalidEncoding(`messages of format ${version}`)
  const code = reader.byte()
  const type = TYPES.get(code)
  if (type === undefined) throw invalidEncoding(`messages of type ${code} are not known`)
  const from = readNodeId(reader)
  const to = readNodeId(reader)
  const term = reader.count()
  const fields = LAYOUTS[type].read(reader)
  reader.end()
  return { type, from, to, term, ...fields } as Message
}

function messageBytes(message: Message): number {
  if (message.type === 'append') {
    return message.entries.reduce((bytes, entry) => bytes + entryBytes(entry), MESSAGE_BYTES)
  }
  return message.type === 'snapshot-chunk'
    ? MESSAGE_BYTES + membershipBytes(message.membership) + message.data.length
    : MESSAGE_BYTES
}

function writeAppend(writer: ByteWriter, message: Append): void {
  writer.count(message.prevIndex)
  writer.count(message.prevTerm)
  writer.count(message.commit)
  writer.count(message.entries.length)
  for (const entry of message.entries) writeEntry(writer, entry)
}

function readAppend(reader: ByteReader): Fields<'append'> {
  const prevIndex = reader.count()
  const prevTerm = reader.count()
  const commit = reader.count()
  const length = reader.listLength(ENTRY_BYTES_MIN)
  const entries: Entry[] = []
  for (let n = 1; n <= length; n++) {
    const entry = readEntry(reader)
    if (entry.index !== prevIndex + n) throw invalidEncoding('entries do not follow each other')
    entries.push(entry)
  }
  return { prevIndex, prevTerm, entries, commit }
}

function writeSnapshotChunk(writer: ByteWriter, message: SnapshotChunk): void {
  writer.count(message.index)
  writer.count(message.indexTerm)
  writeMembership(writer, message.membership)
  writer.count(message.offset)
  writer.count(message.totalBytes)
  writer.bytes(message.data)
}

function readSnapshotChunk(reader: ByteReader): Fields<'snapshot-chunk'> {
  const index = reader.count()
  const indexTerm = reader.count()
  const membership = readMembership(reader)
  const offset = reader.count()
  const totalBytes = reader.count()
  const data = reader.bytes()
  if (offset + data.length > totalBytes) throw invalidEncoding('a piece goes beyond its snapshot')
  return { index, indexTerm, membership, offset, totalBytes, data }
}
