import type { Address } from '../base/address.ts'

/**
 * What this node may lack for a connection, which says nothing of the peer: a descriptor or memory
 * (`exhausted`), or a local port (`portless`).
 */
export type OwnFailure = 'exhausted' | 'portless'

/** Told of a connection that this node could not begin, and where it was to lead. */
export type OnShortage = (failure: OwnFailure, address: Address) => void
