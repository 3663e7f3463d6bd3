/** Time in which a config that was applied is to be confirmed: what an operator can react within. */
export const CONFIRM_MIN_MS = 1_000

/** Characters of the comment on a config version. */
export const COMMENT_LENGTH_MAX = 1_000

/** Bytes of a request that holds a config: a text of 1 MiB, with room for JSON's escapes. */
export const CONFIG_BODY_BYTES_MAX = 2 * 1024 * 1024
