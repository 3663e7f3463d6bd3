import type { RaftOptions } from './raft-options.ts'

const KIB = 1024
const MIB = 1024 * KIB

/**
 * How the core of a node behaves unless told otherwise. The times are for nodes in one place: a
 * lost leader is replaced in half a second to a second, while etcd's defaults (100 and 1000 ms)
 * take one to three. The sizes bound what a slow follower costs a leader.
 */
export const RAFT_DEFAULTS: Omit<RaftOptions, 'id'> = {
  heartbeatMs: 50,
  // A client that writes again and again is faster: then nothing is sent for the commit alone.
  commitNoticeMs: 2,
  electionMinMs: 300,
  electionMaxMs: 600,
  appendBytesMax: MIB,
  // As etcd's: 256 messages; a byte bound stands beside it.
  inflightAppendsMax: 256,
  inflightBytesMax: 8 * MIB,
  uncommittedBytesMax: 16 * MIB,
  snapshotChunkBytes: 512 * KIB,
  snapshotChunksInflightMax: 8,
  snapshotBytesMax: 256 * MIB,
  pendingReadsMax: 4096,
  readMode: 'read-index',
  clockDriftPercent: 10,
}
