import { SluiceError } from '../../base/errors.ts'
import { invalidEncoding } from '../encoding/byte-reader.ts'
import type { Entry, Snapshot } from '../log/entries.ts'
import { decodeEntry } from '../log/entry-encoding.ts'
import type { Database, StoreExtent } from './level-store.ts'
import type { NodeIdentity, StoredState } from './log-store.ts'
import {
  decodeIdentity,
  decodeSnapshotHead,
  decodeState,
  KIND,
  numberOf,
  type SnapshotHead,
  type StoreState,
  snapshotPieceKey,
  unseal,
} from './records.ts'

/** All that a database held, checked. */
export interface StoredRecords {
  readonly identity: NodeIdentity
  readonly extent: StoreExtent
  /** Null: the node belongs to no cluster. */
  readonly stored: StoredState | null
  /** Keys of snapshots that no state refers to: what a crash left of one being written. */
  readonly strayKeys: readonly Uint8Array[]
}

interface Piece {
  readonly key: Uint8Array
  readonly data: Uint8Array
}

interface Found {
  identity: NodeIdentity | null
  state: StoreState | null
  readonly entries: Entry[]
  readonly heads: Map<number, { readonly key: Uint8Array; readonly head: SnapshotHead }>
  /** By generation. */
  readonly pieces: Map<number, Piece[]>
}

/**
 * Reads a database whole and checks it: each record by its checksum, and all of them against the
 * state that was written in the same batch as the last of them.
 *
 * @returns null: it is empty
 * @throws SluiceError `data-dir-damaged`; what the database throws
 */
export async function readRecords(database: Database): Promise<StoredRecords | null> {
  const found: Found = {
    identity: null,
    state: null,
    entries: [],
    heads: new Map(),
    pieces: new Map(),
  }
  let count = 0
  for await (const [key, value] of database.iterator()) {
    count++
    try {
      readRecord(found, key, unseal(key, value))
    } catch (error) {
      const name = Buffer.from(key).toString('hex')
      throw damaged(`record ${name}: ${(error as Error).message}`, error)
    }
  }
  return count === 0 ? null : verifyRecords(found)
}

function readRecord(found: Found, key: Uint8Array, record: Uint8Array): void {
  const kind: number = key[0] ?? Number.NaN
  switch (kind) {
    case KIND.entry: {
      const entry = decodeEntry(record)
      if (entry.index !== numberOf(key)) throw invalidEncoding('an entry is at another place')
      found.entries.push(entry)
      break
    }
    case KIND.snapshotHead:
      found.heads.set(numberOf(key), { key, head: decodeSnapshotHead(record) })
      break
    case KIND.identity:
      found.identity = decodeIdentity(record)
      break
    case KIND.snapshotPiece: {
      const pieces = found.pieces.get(numberOf(key)) ?? []
      pieces.push({ key, data: record })
      found.pieces.set(numberOf(key), pieces)
      break
    }
    case KIND.state:
      found.state = decodeState(record)
      break
    default:
      throw invalidEncoding('records of this kind are not known')
  }
}

function verifyRecords(found: Found): StoredRecords {
  const { identity, state, entries } = found
  if (identity === null) throw damaged('the identity is missing')
  if (state === null) throw damaged('the state is missing')
  verifyLog(state, entries)
  const { generation, hardState } = state
  if ((generation === 0) !== (identity.clusterId === null)) {
    throw damaged('a member has no snapshot, or a node that is none has one')
  }
  const snapshot = generation === 0 ? null : assembleSnapshot(found, generation)
  if (snapshot !== null) verifySnapshot(state, snapshot, entries)
  const pieces = found.pieces.get(generation)?.length ?? 0
  return {
    identity,
    extent: { ...state, pieces },
    stored: snapshot === null ? null : { hardState, snapshot, entries },
    strayKeys: strayKeys(found, generation),
  }
}

/** Indexes without a hole, terms that never fall, all as the state says. */
function verifyLog(state: StoreState, entries: readonly Entry[]): void {
  const { firstIndex, lastIndex, hardState } = state
  if (entries.length !== lastIndex - firstIndex + 1) {
    throw damaged(`the log has ${entries.length} entries, not ${firstIndex} to ${lastIndex}`)
  }
  let termBefore = 0
  for (const [n, { index, term }] of entries.entries()) {
    if (index !== firstIndex + n) throw damaged(`entry ${firstIndex + n} is missing`)
    if (term < termBefore) throw damaged(`entry ${index} is older than the one before`)
    termBefore = term
  }
  if (termBefore > hardState.term) throw damaged('the log is newer than the term')
}

function verifySnapshot(state: StoreState, snapshot: Snapshot, entries: readonly Entry[]): void {
  const { firstIndex, lastIndex } = state
  if (snapshot.index < firstIndex - 1 || snapshot.index > lastIndex) {
    throw damaged(`the log has ${firstIndex} to ${lastIndex}, the snapshot ${snapshot.index}`)
  }
  const last = entries[snapshot.index - firstIndex]
  if (last !== undefined && last.term !== snapshot.term) {
    throw damaged('snapshot and log have different terms at one index')
  }
  const next = entries[snapshot.index - firstIndex + 1]
  if (next !== undefined && next.term < snapshot.term) {
    throw damaged('the log goes on with an older term than the snapshot has')
  }
}

function assembleSnapshot(found: Found, generation: number): Snapshot {
  const head = found.heads.get(generation)?.head
  if (head === undefined) throw damaged('the snapshot is missing')
  const pieces = found.pieces.get(generation) ?? []
  const isWhole =
    pieces.length === head.pieces &&
    pieces.every(({ key }, n) => Buffer.compare(key, snapshotPieceKey(generation, n)) === 0)
  if (!isWhole) throw damaged('pieces of the snapshot are missing')
  const [only] = pieces
  const data =
    pieces.length === 1 && only !== undefined
      ? only.data
      : new Uint8Array(Buffer.concat(pieces.map((piece) => piece.data)))
  if (data.length !== head.bytes) throw damaged('the snapshot is shorter or longer than it was')
  const { index, term, membership } = head
  return { index, term, membership, data }
}

function strayKeys(found: Found, generation: number): readonly Uint8Array[] {
  const heads = [...found.heads].filter(([of]) => of !== generation).map(([, { key }]) => key)
  const pieces = [...found.pieces].filter(([of]) => of !== generation)
  return [...heads, ...pieces.flatMap(([, list]) => list.map(({ key }) => key))]
}

/** @returns the error of data that is not as it was written */
export function damaged(what: string, cause?: unknown): SluiceError {
  return new SluiceError('data-dir-damaged', `the data directory is damaged: ${what}`, cause)
}
