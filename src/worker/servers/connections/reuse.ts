/**
 * What a session can be carried by: `new`, a connection that nobody has used; `first`, an idle one,
 * but this is the first request of its client; `later`, an idle one.
 */
export type Reuse = 'new' | 'first' | 'later'
