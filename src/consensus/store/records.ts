import { crc32 } from 'node:zlib'
import { ByteReader, invalidEncoding } from '../encoding/byte-reader.ts'
import { ByteWriter } from '../encoding/byte-writer.ts'
import type { HardState, Snapshot } from '../log/entries.ts'
import {
  decodeMembership,
  encodeMembership,
  NAME_BYTES_MAX,
  readNodeId,
} from '../log/entry-encoding.ts'
import type { NodeIdentity } from './log-store.ts'

/** First byte of the records below. */
const FORMAT_VERSION = 1
/** What one of them takes at first. */
const RECORD_BYTES = 256
const CLUSTER_ID_BYTES_MAX = 128

const CHECKSUM_BYTES = 4

/** Kinds of records: the first byte of their keys. */
export const KIND = {
  entry: 0x65,
  snapshotHead: 0x68,
  identity: 0x69,
  snapshotPiece: 0x73,
  state: 0x74,
} as const

/** What a store holds beside entries and snapshot; written with every batch. */
export interface StoreState {
  /** Counts the batches, from 1. */
  readonly batch: number
  readonly hardState: HardState
  /** Names the records of the snapshot that holds; 0: none, the node belongs to no cluster. */
  readonly generation: number
  readonly firstIndex: number
  /** `firstIndex - 1` while there are no entries. */
  readonly lastIndex: number
}

/** A snapshot without its data, which is kept in pieces. */
export interface SnapshotHead extends Omit<Snapshot, 'data'> {
  readonly bytes: number
  readonly pieces: number
}

/** Key of the identity. */
export const IDENTITY_KEY: Uint8Array = Uint8Array.of(KIND.identity)
/** Key of the state. */
export const STATE_KEY: Uint8Array = Uint8Array.of(KIND.state)

/** Sorts as the indexes do. */
export function entryKey(index: number): Uint8Array {
  return numberedKey(KIND.entry, index, 0)
}

/** Key of the head of a snapshot. */
export function snapshotHeadKey(generation: number): Uint8Array {
  return numberedKey(KIND.snapshotHead, generation, 0)
}

/** Sorts as the pieces follow each other. */
export function snapshotPieceKey(generation: number, piece: number): Uint8Array {
  const key = numberedKey(KIND.snapshotPiece, generation, 4)
  new DataView(key.buffer).setUint32(9, piece)
  return key
}

/** @returns index or generation in a key */
export function numberOf(key: Uint8Array): number {
  if (key.length < 9) throw invalidEncoding('a key is too short')
  return Number(new DataView(key.buffer, key.byteOffset, key.length).getBigUint64(1))
}

function numberedKey(kind: number, number: number, extraBytes: number): Uint8Array {
  const key = new Uint8Array(9 + extraBytes)
  key[0] = kind
  new DataView(key.buffer).setBigUint64(1, BigInt(number))
  return key
}

/**
 * Puts a checksum before a record: CRC-32 (ISO 3309, as zlib computes it) over key and record, so
 * that a record at another's place is noticed as well.
 */
export function seal(key: Uint8Array, record: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(CHECKSUM_BYTES + record.length)
  new DataView(sealed.buffer).setUint32(0, crc32(record, crc32(key)))
  sealed.set(record, CHECKSUM_BYTES)
  return sealed
}

/**
 * @returns the record, a view of the sealed bytes
 * @throws SluiceError `encoding-invalid`
 */
export function unseal(key: Uint8Array, sealed: Uint8Array): Uint8Array {
  if (sealed.length < CHECKSUM_BYTES) throw invalidEncoding('a record is too short')
  const { buffer, byteOffset, length } = sealed
  // A plain array, where the database gives a Buffer.
  const record = new Uint8Array(buffer, byteOffset + CHECKSUM_BYTES, length - CHECKSUM_BYTES)
  const expected = new DataView(buffer, byteOffset).getUint32(0)
  if (crc32(record, crc32(key)) !== expected) throw invalidEncoding('a checksum does not match')
  return record
}

/** What {@link decodeIdentity} reads. */
export function encodeIdentity({ name, id, clusterId }: NodeIdentity): Uint8Array {
  const writer = new ByteWriter(RECORD_BYTES)
  writer.byte(FORMAT_VERSION)
  writer.text(name)
  writer.text(id)
  writer.flag(clusterId !== null)
  if (clusterId !== null) writer.text(clusterId)
  return writer.finish()
}

/** @throws SluiceError `encoding-invalid` */
export function decodeIdentity(record: Uint8Array): NodeIdentity {
  const reader = versionedReader(record)
  const name = reader.text(NAME_BYTES_MAX)
  const id = readNodeId(reader)
  const clusterId = reader.flag() ? reader.text(CLUSTER_ID_BYTES_MAX) : null
  reader.end()
  return { name, id, clusterId }
}

/** What {@link decodeState} reads. */
export function encodeState(state: StoreState): Uint8Array {
  const { term, vote } = state.hardState
  const writer = new ByteWriter(RECORD_BYTES)
  writer.byte(FORMAT_VERSION)
  writer.count(state.batch)
  writer.count(term)
  writer.flag(vote !== null)
  if (vote !== null) writer.text(vote)
  writer.count(state.generation)
  writer.count(state.firstIndex)
  writer.count(state.lastIndex)
  return writer.finish()
}

/** @throws SluiceError `encoding-invalid` */
export function decodeState(record: Uint8Array): StoreState {
  const reader = versionedReader(record)
  const batch = reader.count()
  const hardState = { term: reader.count(), vote: reader.flag() ? readNodeId(reader) : null }
  const generation = reader.count()
  const firstIndex = reader.count()
  const lastIndex = reader.count()
  reader.end()
  return { batch, hardState, generation, firstIndex, lastIndex }
}

/** What {@link decodeSnapshotHead} reads. */
export function encodeSnapshotHead(head: SnapshotHead): Uint8Array {
  const writer = new ByteWriter(RECORD_BYTES)
  writer.byte(FORMAT_VERSION)
  writer.count(head.index)
  writer.count(head.term)
  writer.count(head.bytes)
  writer.count(head.pieces)
  writer.bytes(encodeMembership(head.membership))
  return writer.finish()
}

/** @throws SluiceError `encoding-invalid` */
export function decodeSnapshotHead(record: Uint8Array): SnapshotHead {
  const reader = versionedReader(record)
  const index = reader.count()
  const term = reader.count()
  const bytes = reader.count()
  const pieces = reader.count()
  const membership = decodeMembership(reader.bytes())
  reader.end()
  return { index, term, bytes, pieces, membership }
}

function versionedReader(record: Uint8Array): ByteReader {
  const reader = new ByteReader(record)
  const version = reader.byte()
  if (version !== FORMAT_VERSION) throw invalidEncoding(`records of format ${version}`)
  return reader
}
