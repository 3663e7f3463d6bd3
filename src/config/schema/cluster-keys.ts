import * as z from 'zod'
import { DEFAULT_CLUSTER } from '../values/default-values.ts'
import { formatDuration } from '../values/durations.ts'
import { key, name, namedMap, requiredKey, section } from './sections.ts'
import { absolutePath, bindAddress, durationMs, serverAddress } from './value-schemas.ts'

const tlsSchema = section('tls of cluster', {
  ca: requiredKey(absolutePath, { about: 'File with the certificates that peers are issued by' }),
  crt: requiredKey(absolutePath, { about: "File with this node's certificate, in its own name" }),
  key: requiredKey(absolutePath, { about: 'File with the key of the certificate' }),
})

/** Section `cluster`. */
export const clusterSchema = section('cluster', {
  'node': requiredKey(name, { about: "This node's name, one of `peers`" }),
  'engine': key(z.enum(['raft']), {
    about: 'How the nodes agree',
    standard: DEFAULT_CLUSTER.engine,
  }),
  'bind': key(bindAddress, {
    about: 'Where the peers connect to',
    otherwise: "the node's own address in `peers`",
  }),
  'peers': requiredKey(namedMap(serverAddress, 1), {
    about: 'The nodes that found the cluster and where they are reached, by name; this one too',
  }),
  'data-dir': requiredKey(absolutePath, {
    about: 'Directory for what the node must never forget; made where it is missing',
  }),
  'secret-file': key(absolutePath, {
    about: 'File with a secret of 32 bytes or more that all nodes know; never sent',
    otherwise: 'none; needed, or `tls`, unless all addresses are loopback',
  }),
  'tls': key(tlsSchema, {
    about: 'Links over TLS 1.3; both sides show a certificate',
    otherwise: 'none; see `secret-file`',
  }),
  'heartbeat-interval': key(durationMs, {
    about: 'Between two signs of life of the leader',
    standard: formatDuration(DEFAULT_CLUSTER.heartbeatIntervalMs),
  }),
  'election-timeout': key(durationMs, {
    about: 'A silence of this to twice this begins an election; at least 5 `heartbeat-interval`',
    standard: formatDuration(DEFAULT_CLUSTER.electionTimeoutMs),
  }),
  'reads': key(z.enum(['read-index', 'lease']), {
    about: 'How a read is made sure of: by asking a quorum, or by clocks that drift 10 % at most',
    standard: DEFAULT_CLUSTER.reads,
  }),
  'rejoin-after-loss': key(z.enum(['never', 'automatic']), {
    about:
      'Whether a node whose disk lost what it had acknowledged empties its data-dir and joins anew by itself',
    standard: DEFAULT_CLUSTER.rejoinAfterLoss,
  }),
})
