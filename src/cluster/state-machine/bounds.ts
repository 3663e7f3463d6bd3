/** Bytes of a config text, UTF-8. A large farm (10,000 servers, a line each) takes half of it. */
export const TEXT_BYTES_MAX = 1_048_576

/** Versions that are kept; the history of a device, not an archive. */
export const VERSIONS_MAX = 50

/** Bytes of the texts that are kept, so that a snapshot stays quick to send. */
export const VERSIONS_BYTES_MAX = 8 * TEXT_BYTES_MAX

/** Servers that have something set at run time, added ones included. */
export const POOL_ENTRIES_MAX = 10_000

/** Time to confirm a version: a day. */
export const CONFIRM_MAX_MS = 86_400_000

/** Characters of who asked for a version. */
export const AUTHOR_LENGTH_MAX = 200

/** Characters of a server's address: a host name has 253, a socket path 107. */
export const ADDRESS_LENGTH_MAX = 300

/** Characters of the reason that a node gives for a verdict; more is cut. */
export const REASON_LENGTH_MAX = 200

/** Characters of a node's name. */
export const NODE_NAME_LENGTH_MAX = 255

/** Characters of what tells the runs of a node apart. */
export const RUN_LENGTH_MAX = 64

/** Nodes whose reports count. */
export const WITNESSES_MAX = 64

/** Verdicts in one report; more go in the next one. */
export const REPORT_VERDICTS_MAX = 500

/** Servers of a text, and its backends: a config has no more names. */
export const NAMES_MAX = 32_768

/** Bytes of an encoded command: a text, escaped, with the servers that it names. */
export const COMMAND_BYTES_MAX = 4 * TEXT_BYTES_MAX
