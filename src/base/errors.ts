/** Who has to act on an error: the peer that called, the server behind, this program, or its operator. */
export type ErrorSource = 'client' | 'server' | 'internal' | 'operator'

/** What is known about a code before anything happens. */
export interface ErrorKind {
  readonly source: ErrorSource
  /** True when the same call may succeed later without a change by anybody. */
  readonly retryable: boolean
  /** What to do about it, in one sentence. */
  readonly hint: string
}

/**
 * Every error code of the project. A code is part of the contract with scripts: it may be added,
 * never renamed.
 */
export const ERROR_KINDS = {
  'config-invalid': {
    source: 'operator',
    retryable: false,
    hint: 'Correct the places that the diagnostics point at, then run `sluice check -f FILE`.',
  },
  'config-unreadable': {
    source: 'operator',
    retryable: false,
    hint: 'Check that the path names a file and that this user may read it.',
  },
  'reading-failed': {
    source: 'internal',
    retryable: true,
    hint: 'Ask again: another thread reads it. If that dies too, look whether the host has memory left, and report the logged stack.',
  },
  'config-unusable': {
    source: 'operator',
    retryable: false,
    hint: 'Mend what is listed; `sluice check` lists it without a start.',
  },
  'error-answer-unreadable': {
    source: 'operator',
    retryable: false,
    hint: 'Check that errorfile and http-error name files that this user may read.',
  },
  'error-answer-invalid': {
    source: 'operator',
    retryable: false,
    hint: 'Write an HTTP response no longer than global.tune.bufsize: `HTTP/1.1 503 Reason`, headers, an empty line, the body.',
  },
  'file-not-allowed': {
    source: 'operator',
    retryable: false,
    hint: 'Put the file below a folder that the node allows, or add its folder to admin.files in the file of the node.',
  },
  'ca-file-unreadable': {
    source: 'operator',
    retryable: false,
    hint: 'Check that ca-file names a file that this user may read, or write @system-ca.',
  },
  'ca-file-invalid': {
    source: 'operator',
    retryable: false,
    hint: 'Give certificates of authorities in PEM form, no longer than 4 MiB in all.',
  },
  'crl-file-unusable': {
    source: 'operator',
    retryable: false,
    hint: 'Give lists of revoked certificates (X509 CRL) in PEM form, one of each authority, in a file that this user may read.',
  },
  'certificate-unreadable': {
    source: 'operator',
    retryable: false,
    hint: 'Check that crt names a file, or a folder of files, that this user may read.',
  },
  'certificate-invalid': {
    source: 'operator',
    retryable: false,
    hint: 'Put into one PEM file the certificate, then those of its issuers but for the root, and its key; the key may be beside it, in FILE.key.',
  },
  'certificate-unknown': {
    source: 'client',
    retryable: false,
    hint: 'See `sluice cert list` for the certificates, their names and their files.',
  },
  'address-in-use': {
    source: 'operator',
    retryable: true,
    hint: 'Stop the process that listens there, or bind another address.',
  },
  'bind-failed': {
    source: 'operator',
    retryable: false,
    hint: 'Check that the address belongs to this host and that this user may bind the port.',
  },
  'host-unresolved': {
    source: 'operator',
    retryable: true,
    hint: 'Check the host name and the resolver, or give the IP address.',
  },
  'platform-unsupported': {
    source: 'operator',
    retryable: false,
    hint: 'Run on Linux or macOS with a C library that the package koffi has a binary for.',
  },
  'descriptors-exhausted': {
    source: 'operator',
    retryable: true,
    hint: 'Raise the limit of open files (ulimit -n, LimitNOFILE of systemd).',
  },
  'table-full': {
    source: 'operator',
    retryable: false,
    hint: 'Use fewer frontends, backends and servers, or split them over several daemons.',
  },
  'worker-lost': {
    source: 'internal',
    retryable: true,
    hint: 'The worker is replaced by itself; report the logged stack.',
  },
  'worker-failing': {
    source: 'internal',
    retryable: false,
    hint: 'No worker can be made to serve; report the logged stacks.',
  },
  'admin-unreachable': {
    source: 'operator',
    retryable: true,
    hint: 'Start the daemon with `sluice run -f FILE`, or name where it is: --admin unix:PATH, --admin https://HOST:PORT, or SLUICE_ADMIN.',
  },
  'admin-denied': {
    source: 'operator',
    retryable: false,
    hint: 'Run the command as a user who may, or give admin.socket a group that you are in.',
  },
  'admin-untrusted': {
    source: 'operator',
    retryable: false,
    hint: 'Give --ca-file (or SLUICE_CA_FILE) with the authority that has signed it, and ask for the node by a name that is in it.',
  },
  'admin-unguarded': {
    source: 'operator',
    retryable: false,
    hint: 'Bind the admin address to loopback, or give it a token.',
  },
  'admin-refused': {
    source: 'operator',
    retryable: false,
    hint: 'Check that --admin names a Sluice daemon of this version.',
  },
  'log-unwritable': {
    source: 'operator',
    retryable: true,
    hint: 'Check that the path can be written by this user and that the disk has room.',
  },
  unauthorized: {
    source: 'client',
    retryable: false,
    hint: 'Send an admin token: `Authorization: Bearer TOKEN`, or --token-file on the command line.',
  },
  'token-unset': {
    source: 'client',
    retryable: false,
    hint: 'Ask over the admin socket, as the command line does by itself on the host of the node, or give admin.token-file or admin.tokens and start the node again.',
  },
  'level-too-low': {
    source: 'client',
    retryable: false,
    hint: 'Use a token of that level, or the admin socket; admin.tokens gives each token its level.',
  },
  'token-invalid': {
    source: 'operator',
    retryable: false,
    hint: 'Write one token to each file, such as `openssl rand -hex 32` makes.',
  },
  'not-found': {
    source: 'client',
    retryable: false,
    hint: 'The paths are /metrics, /healthz, /readyz, /stats;csv and those that /api/v1/ describes.',
  },
  'server-unknown': {
    source: 'client',
    retryable: false,
    hint: 'See `sluice server list` for the servers; they are named BACKEND/NAME.',
  },
  'node-draining': {
    source: 'client',
    retryable: false,
    hint: 'The node is about to end and takes no change any more; ask another, or start it again.',
  },
  'method-not-allowed': {
    source: 'client',
    retryable: false,
    hint: 'See the Allow header for the methods of this path.',
  },
  'request-invalid': {
    source: 'client',
    retryable: false,
    hint: 'Correct the part of the request that the message names.',
  },
  'change-invalid': {
    source: 'client',
    retryable: false,
    hint: 'Correct what the message names; GET /api/v1/ describes the members of every change.',
  },
  'body-too-large': {
    source: 'client',
    retryable: false,
    hint: 'A config has 1 MiB at most; of anything else send only the members that are to change.',
  },
  'media-type-unsupported': {
    source: 'client',
    retryable: false,
    hint: 'Send the body as JSON, with `Content-Type: application/json`.',
  },
  'host-refused': {
    source: 'client',
    retryable: false,
    hint: 'Ask for the admin address as localhost, 127.0.0.1, [::1] or as admin.bind has it.',
  },
  'origin-refused': {
    source: 'client',
    retryable: false,
    hint: 'Web pages of other sites may not use the admin address; use the command line.',
  },
  'cluster-unprepared': {
    source: 'operator',
    retryable: false,
    hint: 'See the reason of each node; correct the config, or what is in the way on that node.',
  },
  'config-conflict': {
    source: 'client',
    retryable: false,
    hint: 'Another change came first: look at `sluice config show`, and apply again.',
  },
  'config-version-unknown': {
    source: 'client',
    retryable: false,
    hint: 'See `sluice config history` for the versions that are kept.',
  },
  'confirmation-pending': {
    source: 'client',
    retryable: true,
    hint: 'Confirm the active version with `sluice config confirm`, or roll it back, first.',
  },
  'confirmation-unknown': {
    source: 'client',
    retryable: false,
    hint: 'See `sluice config history` for whether the version has been rolled back.',
  },
  'server-exists': {
    source: 'client',
    retryable: false,
    hint: 'Choose another name, or change the server with `sluice server set`.',
  },
  'server-configured': {
    source: 'client',
    retryable: false,
    hint: 'Remove the server from the config and apply it, or set it to maint.',
  },
  'backend-unknown': {
    source: 'client',
    retryable: false,
    hint: 'See `sluice server list` or the config for the backends.',
  },
  'pool-full': {
    source: 'client',
    retryable: false,
    hint: 'Remove servers that were added at run time, or name the servers in the config.',
  },
  'no-quorum': {
    source: 'operator',
    retryable: true,
    hint: 'Start enough nodes for a majority, see `sluice cluster status`; read with ?stale or --stale meanwhile.',
  },
  'outcome-unknown': {
    source: 'internal',
    retryable: false,
    hint: 'Look whether the change is there before asking again.',
  },
  'proposal-dropped': {
    source: 'internal',
    retryable: true,
    hint: 'The leader changed meanwhile and the change did not hold; ask again.',
  },
  overloaded: {
    source: 'client',
    retryable: true,
    hint: 'More changes wait than the cluster keeps; ask again later.',
  },
  'engine-stopped': {
    source: 'operator',
    retryable: false,
    hint: 'The node takes no part in the cluster any more; see its log for why.',
  },
  'member-exists': {
    source: 'client',
    retryable: false,
    hint: 'See `sluice cluster status`; names and addresses of nodes are unique.',
  },
  'member-unknown': {
    source: 'client',
    retryable: false,
    hint: 'See `sluice cluster status` for the nodes.',
  },
  'member-last': {
    source: 'client',
    retryable: false,
    hint: 'Stop the node instead: a cluster has at least one.',
  },
  'quorum-at-risk': {
    source: 'client',
    retryable: false,
    hint: 'Start the nodes that are not there, or remove those first. With --force it is done all the same: nothing can be changed then until they are back, or ever, but for `sluice cluster recover`.',
  },
  'members-full': {
    source: 'client',
    retryable: false,
    hint: 'Remove a node that is not needed any more first; five or seven voters are plenty.',
  },
  'membership-changing': {
    source: 'client',
    retryable: true,
    hint: 'One change of membership at a time; ask again when it is done.',
  },
  'transfer-failed': {
    source: 'internal',
    retryable: true,
    hint: 'See `sluice cluster status`: the node must be a voter, reachable, and not far behind.',
  },
  'cluster-absent': {
    source: 'client',
    retryable: false,
    hint: 'Give the config a `cluster` section and start the node again.',
  },
  'state-newer': {
    source: 'operator',
    retryable: false,
    hint: 'The cluster has been written to by a newer version of Sluice: start this node with that version.',
  },
  'peer-unreachable': {
    source: 'server',
    retryable: true,
    hint: 'See `sluice cluster status`, and whether the node runs and its address can be reached.',
  },
  'peer-refused': {
    source: 'server',
    retryable: false,
    hint: 'See the message for what the other node has against it.',
  },
  'peer-credentials': {
    source: 'operator',
    retryable: false,
    hint: 'Give all nodes the same secret, or certificates of the same authority in their own names.',
  },
  'encoding-invalid': {
    source: 'server',
    retryable: false,
    hint: 'Run versions of Sluice on all nodes that may be mixed, and see what else speaks on the peer port.',
  },
  'data-dir-unusable': {
    source: 'operator',
    retryable: false,
    hint: 'Check that the directory is writable by this user alone, and that no other process has it.',
  },
  'data-dir-foreign': {
    source: 'operator',
    retryable: false,
    hint: 'The directory is of another node or cluster: correct cluster.data-dir, or empty it to join anew.',
  },
  'data-dir-damaged': {
    source: 'operator',
    retryable: false,
    hint: 'The disk lost or altered data. Empty the directory: the node then joins anew and is repaired by its peers.',
  },
  'data-dir-failed': {
    source: 'operator',
    retryable: false,
    hint: 'The disk is full or failing. Make room, and the node comes back by itself; a failing one is to be mended and the node started again. Nothing acknowledged is lost.',
  },
  'data-dir-used': {
    source: 'operator',
    retryable: false,
    hint: 'A backup is restored into an empty directory: make sure that nobody needs what is there, and move it aside.',
  },
  'backup-unwritable': {
    source: 'operator',
    retryable: true,
    hint: 'Check that the folder is there, may be written by this user, and has room; what was there before is unchanged.',
  },
  'backup-unreadable': {
    source: 'operator',
    retryable: false,
    hint: 'Check that the path names a file and that this user may read it.',
  },
  'backup-damaged': {
    source: 'operator',
    retryable: false,
    hint: 'The file was cut or altered, or is no backup: take another copy of it, or an older one.',
  },
  'backup-newer': {
    source: 'operator',
    retryable: false,
    hint: 'The backup was made by a newer version of Sluice: restore it with that version.',
  },
  'data-lost': {
    source: 'operator',
    retryable: false,
    hint: 'Empty the data directory and start the node: it joins anew and is brought up to date by its peers. `cluster.rejoin-after-loss: automatic` has it do so by itself.',
  },
  usage: {
    source: 'operator',
    retryable: false,
    hint: 'See `sluice --help`.',
  },
  'invariant-broken': {
    source: 'internal',
    retryable: false,
    hint: 'This is a bug in Sluice; report the message and the stack.',
  },
} as const satisfies Record<string, ErrorKind>

/** One of the codes of {@link ERROR_KINDS}. */
export type ErrorCode = keyof typeof ERROR_KINDS

/** The only error that the project throws. */
export class SluiceError extends Error {
  readonly code: ErrorCode
  readonly source: ErrorSource
  readonly retryable: boolean
  readonly hint: string

  /**
   * @param code names the kind, which brings source, retryability and hint
   * @param message what happened, with the values that matter; never a secret
   * @param cause the error that it was translated from, where there is one
   */
  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    const kind: ErrorKind = ERROR_KINDS[code]
    this.name = 'SluiceError'
    this.code = code
    this.source = kind.source
    this.retryable = kind.retryable
    this.hint = kind.hint
  }
}

/**
 * Asserts an invariant, in production too: a broken one stops the thread rather than letting it
 * go on with wrong facts.
 *
 * @throws SluiceError `invariant-broken`
 */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new SluiceError('invariant-broken', what)
}
