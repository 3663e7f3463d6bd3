import { assert } from '../../base/errors.ts'
import { ByteReader, invalidEncoding } from '../encoding/byte-reader.ts'
import { ByteWriter } from '../encoding/byte-writer.ts'
import type { Entry, HardState, Member, Membership, NodeId, Payload } from './entries.ts'
import { entryBytes, membershipBytes } from './entry-bytes.ts'

/** First byte of every encoding below: what is kept on disks and sent can be told from what is not. */
const FORMAT_VERSION = 1

/** Bytes of a node's name, as a DNS name may have. */
export const NAME_BYTES_MAX = 253
/** Bytes of `NAME/INCARNATION`. */
const NODE_ID_BYTES_MAX = 320
/** Bytes of `HOST:PORT`. */
export const ADDRESS_BYTES_MAX = 320
/** Nodes in each part of a membership. */
export const MEMBERS_MAX = 128

/** What term and vote take, about. */
const HARD_STATE_BYTES = 96
/** Index, term and kind of an entry without a payload. */
export const ENTRY_BYTES_MIN = 3
/** Three empty texts. */
const MEMBER_BYTES_MIN = 3
/** Two empty texts. */
const INVITED_BYTES_MIN = 2

const KIND = { empty: 0, command: 1, membership: 2 } as const satisfies Record<
  Payload['kind'],
  number
>

/** An entry by itself, as a store keeps it. */
export function encodeEntry(entry: Entry): Uint8Array {
  const writer = new ByteWriter(1 + entryBytes(entry))
  writer.byte(FORMAT_VERSION)
  writeEntry(writer, entry)
  return writer.finish()
}

/**
 * @param bytes the entry's data is a view of them
 * @throws SluiceError `encoding-invalid`
 */
export function decodeEntry(bytes: Uint8Array): Entry {
  const reader = versionedReader(bytes)
  const entry = readEntry(reader)
  reader.end()
  return entry
}

/** A membership by itself, as a store keeps it. */
export function encodeMembership(membership: Membership): Uint8Array {
  const writer = new ByteWriter(1 + membershipBytes(membership))
  writer.byte(FORMAT_VERSION)
  writeMembership(writer, membership)
  return writer.finish()
}

/** @throws SluiceError `encoding-invalid` */
export function decodeMembership(bytes: Uint8Array): Membership {
  const reader = versionedReader(bytes)
  const membership = readMembership(reader)
  reader.end()
  return membership
}

/** Term and vote by themselves, as a store keeps them. */
export function encodeHardState({ term, vote }: HardState): Uint8Array {
  const writer = new ByteWriter(HARD_STATE_BYTES)
  writer.byte(FORMAT_VERSION)
  writer.count(term)
  writer.flag(vote !== null)
  if (vote !== null) writer.text(vote)
  return writer.finish()
}

/** @throws SluiceError `encoding-invalid` */
export function decodeHardState(bytes: Uint8Array): HardState {
  const reader = versionedReader(bytes)
  const term = reader.count()
  const vote = reader.flag() ? readNodeId(reader) : null
  reader.end()
  return { term, vote }
}

/** Writes an entry among other things. */
export function writeEntry(writer: ByteWriter, { index, term, payload }: Entry): void {
  writer.count(index)
  writer.count(term)
  writer.byte(KIND[payload.kind])
  if (payload.kind === 'command') writer.bytes(payload.data)
  if (payload.kind === 'membership') writeMembership(writer, payload.membership)
}

/** Reads what {@link writeEntry} wrote. @throws SluiceError `encoding-invalid` */
export function readEntry(reader: ByteReader): Entry {
  const index = reader.count()
  if (index === 0) throw invalidEncoding('an entry has index 0')
  return { index, term: reader.count(), payload: readPayload(reader) }
}

function readPayload(reader: ByteReader): Payload {
  const kind = reader.byte()
  switch (kind) {
    case KIND.empty:
      return { kind: 'empty' }
    case KIND.command:
      return { kind: 'command', data: reader.bytes() }
    case KIND.membership:
      return { kind: 'membership', membership: readMembership(reader) }
    default:
      throw invalidEncoding(`entries of kind ${kind} are not known`)
  }
}

/** Writes a membership among other things. */
export function writeMembership(writer: ByteWriter, membership: Membership): void {
  const { voters, outgoing, learners, invited } = membership
  for (const members of [voters, outgoing, learners]) {
    assert(members.length <= MEMBERS_MAX, 'a membership has at most MEMBERS_MAX nodes in a part')
    writer.count(members.length)
    for (const { id, name, address } of members) {
      writer.text(id)
      writer.text(name)
      writer.text(address)
    }
  }
  assert(invited.length <= MEMBERS_MAX, 'a membership invites at most MEMBERS_MAX nodes')
  writer.count(invited.length)
  for (const { name, address } of invited) {
    writer.text(name)
    writer.text(address)
  }
}

/**
 * Reads what {@link writeMembership} wrote, and holds it against what a membership promises: voters
 * there are, and nobody is in it twice.
 *
 * @throws SluiceError `encoding-invalid`
 */
export function readMembership(reader: ByteReader): Membership {
  const voters = readMembers(reader)
  const outgoing = readMembers(reader)
  const learners = readMembers(reader)
  const invited = readList(reader, INVITED_BYTES_MIN, readInvited)
  if (voters.length === 0) throw invalidEncoding('a membership has no voters')
  expectOnce([...voters, ...learners])
  expectOnce(outgoing)
  return { voters, outgoing, learners, invited }
}

/** @throws SluiceError `encoding-invalid` */
export function readNodeId(reader: ByteReader): NodeId {
  return reader.text(NODE_ID_BYTES_MAX)
}

function readMembers(reader: ByteReader): readonly Member[] {
  return readList(reader, MEMBER_BYTES_MIN, (from) => {
    return { id: readNodeId(from), ...readInvited(from) }
  })
}

function readInvited(reader: ByteReader): Pick<Member, 'name' | 'address'> {
  return { name: reader.text(NAME_BYTES_MAX), address: reader.text(ADDRESS_BYTES_MAX) }
}

function readList<T>(reader: ByteReader, itemBytesMin: number, read: (from: ByteReader) => T): T[] {
  const length = reader.listLength(itemBytesMin)
  if (length > MEMBERS_MAX) throw invalidEncoding(`a part of a membership has ${length} nodes`)
  return Array.from({ length }, () => read(reader))
}

function expectOnce(members: readonly Member[]): void {
  if (new Set(members.map(({ id }) => id)).size < members.length) {
    throw invalidEncoding('a node is in a membership twice')
  }
}

function versionedReader(bytes: Uint8Array): ByteReader {
  const reader = new ByteReader(bytes)
  const version = reader.byte()
  if (version !== FORMAT_VERSION) throw invalidEncoding(`format ${version} is not known`)
  return reader
}
