import { type Address, formatAddress, isLoopback } from '../../base/address.ts'
import { nearestName } from '../../base/spelling.ts'
import type { Report } from '../diagnostics/diagnostics.ts'
import type { Cursor } from '../text/tree.ts'
import { parseAddress } from '../values/addresses.ts'
import { DEFAULT_CLUSTER } from '../values/default-values.ts'
import { formatDuration, parseDuration } from '../values/durations.ts'

/** Heartbeats that may be lost before an election: etcd asks for as many. */
const HEARTBEATS_PER_ELECTION = 5

/** Nodes that a cluster can be founded with: more vote slower and survive hardly more. */
const PEERS_MAX = 9

interface Peer {
  readonly at: Cursor
  readonly address: Address
}

/** Reports what does not go together in section `cluster`. */
export function validateCluster(tree: Cursor, report: Report): void {
  const cluster = tree.at('cluster')
  if (cluster.node?.kind !== 'map') return
  const peers = cluster.at('peers').values().flatMap(peerOf)
  validateNode(cluster, report)
  validatePeers(cluster, peers, report)
  validateTimes(cluster, report)
  validateProof(cluster, report)
  validateExposure(cluster, peers, report)
}

function peerOf(at: Cursor): Peer[] {
  const result = parseAddress(at.text ?? '', 'server')
  return 'value' in result ? [{ at, address: result.value }] : []
}

function validateNode(cluster: Cursor, report: Report): void {
  const node = cluster.at('node')
  const names = cluster
    .at('peers')
    .values()
    .map((peer) => peer.name)
  if (node.text === null || names.length === 0 || names.includes(node.text)) return
  const near = nearestName(node.text, names)
  report.error(node.span, node.path, {
    message: `"${node.text}" is not one of the peers`,
    hint: near === null ? `There are: ${names.join(', ')}.` : `Did you mean "${near}"?`,
  })
}

function validatePeers(cluster: Cursor, peers: readonly Peer[], report: Report): void {
  const known = new Map<string, Peer>()
  for (const peer of peers) {
    const { at, address } = peer
    if (address.kind === 'unix') {
      const hint = 'Write HOST:PORT.'
      report.error(at.span, at.path, { message: 'peers cannot meet at a Unix socket', hint })
    }
    const first = known.get(formatAddress(address))
    if (first !== undefined) {
      report.error(at.span, at.path, {
        message: `peer "${first.at.name}" has this address too`,
        hint: 'Give each peer its own.',
      })
    }
    known.set(formatAddress(address), peer)
  }
  const at = cluster.at('peers')
  if (at.values().length <= PEERS_MAX) return
  report.error(at.keySpan, at.path, {
    code: 'out-of-range',
    message: `a cluster is founded with ${PEERS_MAX} nodes at most`,
    hint: 'Three survive the loss of one, five of two.',
  })
}

function validateTimes(cluster: Cursor, report: Report): void {
  const heartbeatMs = msOf(cluster.at('heartbeat-interval'), DEFAULT_CLUSTER.heartbeatIntervalMs)
  const election = cluster.at('election-timeout')
  const electionMs = msOf(election, DEFAULT_CLUSTER.electionTimeoutMs)
  if (heartbeatMs === null || electionMs === null) return
  const leastMs = heartbeatMs * HEARTBEATS_PER_ELECTION
  if (electionMs >= leastMs) return
  const at = election.node === null ? cluster.at('heartbeat-interval') : election
  report.error(at.span, at.path, {
    code: 'out-of-range',
    message: `election-timeout ${formatDuration(electionMs)} is less than ${HEARTBEATS_PER_ELECTION} times heartbeat-interval ${formatDuration(heartbeatMs)}: a late packet would depose the leader`,
    hint: `Write election-timeout: ${formatDuration(leastMs)} or more.`,
  })
}

/** Null where it cannot be read, which the schema has said. */
function msOf(at: Cursor, standardMs: number): number | null {
  if (at.node === null) return standardMs
  const result = parseDuration(String(at.value))
  return 'value' in result ? result.value : null
}

/** A connection is made by one of them, so the other would prove nothing. */
function validateProof(cluster: Cursor, report: Report): void {
  const secret = cluster.at('secret-file')
  if (secret.node === null || cluster.at('tls').node === null) return
  report.error(secret.keySpan, secret.path, {
    message: 'the links are made by certificates, with which a secret has no use',
    hint: 'Leave out secret-file, or tls.',
  })
}

/** Whoever reaches an open peer address could join and say what is to run. */
function validateExposure(cluster: Cursor, peers: readonly Peer[], report: Report): void {
  if (cluster.at('secret-file').node !== null || cluster.at('tls').node !== null) return
  const bind = cluster.at('bind')
  const open = [...peers, ...peerBind(bind)].find(({ address }) => !isLoopback(address))
  if (open === undefined) return
  report.error(open.at.span, open.at.path, {
    code: 'exposed-peers',
    message: 'other hosts can reach the peers, which ask for no proof',
    hint: 'Give a secret-file, or tls, to all nodes.',
  })
}

function peerBind(at: Cursor): Peer[] {
  const result = parseAddress(at.text ?? '', 'bind')
  return 'value' in result ? [{ at, address: result.value }] : []
}
