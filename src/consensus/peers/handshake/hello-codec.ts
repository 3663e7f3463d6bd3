import { assert } from '../../../base/errors.ts'
import { ByteReader, invalidEncoding } from '../../encoding/byte-reader.ts'
import { ByteWriter } from '../../encoding/byte-writer.ts'
import { MEMBERS_MAX, NAME_BYTES_MAX, readNodeId } from '../../log/entry-encoding.ts'
import type { PeerHello } from '../transport.ts'

const FORMAT_VERSION = 1
const HELLO_BYTES = 512
/** A hash in any spelling. */
const CLUSTER_ID_BYTES_MAX = 256
/** Voters, those of before, and learners. */
const MEMBER_IDS_MAX = 3 * MEMBERS_MAX

/** What {@link decodeHello} reads. */
export function encodeHello({ name, id, clusterId, memberIds }: PeerHello): Uint8Array {
  assert(memberIds.length <= MEMBER_IDS_MAX, 'a hello names at most MEMBER_IDS_MAX members')
  const writer = new ByteWriter(HELLO_BYTES)
  writer.byte(FORMAT_VERSION)
  writer.text(name)
  writer.text(id)
  writer.flag(clusterId !== null)
  if (clusterId !== null) writer.text(clusterId)
  writer.count(memberIds.length)
  for (const memberId of memberIds) writer.text(memberId)
  return writer.finish()
}

/** @throws SluiceError `encoding-invalid` */
export function decodeHello(bytes: Uint8Array): PeerHello {
  const reader = new ByteReader(bytes)
  const version = reader.byte()
  if (version !== FORMAT_VERSION) throw invalidEncoding(`a hello of format ${version}`)
  const name = reader.text(NAME_BYTES_MAX)
  const id = readNodeId(reader)
  const clusterId = reader.flag() ? reader.text(CLUSTER_ID_BYTES_MAX) : null
  const length = reader.listLength(1)
  if (length > MEMBER_IDS_MAX) throw invalidEncoding(`a hello names ${length} members`)
  const memberIds = Array.from({ length }, () => readNodeId(reader))
  reader.end()
  if (!id.startsWith(`${name}/`)) throw invalidEncoding('the id of a node begins with its name')
  return { name, id, clusterId, memberIds }
}
