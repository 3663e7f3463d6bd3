/** Places of one share: in all, and for one address. */
export interface SlotShare {
  readonly max: number
  readonly perAddressMax: number
}

/** The shares of {@link HandshakeSlots}. */
export interface SlotShares {
  /** Of addresses at which members are known to be. */
  readonly members: SlotShare
  /** Of all others. */
  readonly strangers: SlotShare
}

/** A connection that is not admitted yet. */
export interface Caller {
  readonly host: string
  /** A member is known to be at its address. */
  readonly isMember: boolean
  /** It has to make place for another. */
  readonly onYield: () => void
}

interface Place extends Caller {
  /** It has said something that a peer says. */
  hasSpoken: boolean
}

/**
 * The places of connections that have not proved yet who they are. Members' addresses have places
 * of their own, which strangers, however many, cannot take; and where a share is full, or its part
 * for one address, the oldest connection yields to a new one, and those that have said nothing yield
 * first. So whoever only holds places keeps nobody out.
 */
export class HandshakeSlots {
  readonly #shares: SlotShares
  /** By any key of a connection, the oldest first. */
  readonly #places = new Map<string, Place>()

  constructor(shares: SlotShares) {
    this.#shares = shares
  }

  /** Connections that have a place. */
  get size(): number {
    return this.#places.size
  }

  has(key: string): boolean {
    return this.#places.has(key)
  }

  /** Gives a connection a place. Another that has to make it is told. */
  take(key: string, caller: Caller): void {
    const { max, perAddressMax } = this.#shares[caller.isMember ? 'members' : 'strangers']
    const share = [...this.#places].filter(([, { isMember }]) => isMember === caller.isMember)
    const sameHost = share.filter(([, { host }]) => host === caller.host)
    if (sameHost.length >= perAddressMax) this.#yieldOne(sameHost)
    else if (share.length >= max) this.#yieldOne(share)
    this.#places.set(key, { ...caller, hasSpoken: false })
  }

  /** A connection has said something that a peer says. */
  spoke(key: string): void {
    const place = this.#places.get(key)
    if (place !== undefined) place.hasSpoken = true
  }

  /** Whether it has, or needs no place any more. */
  hasSpoken(key: string): boolean {
    return this.#places.get(key)?.hasSpoken ?? true
  }

  /** A connection needs no place any more. */
  leave(key: string): void {
    this.#places.delete(key)
  }

  #yieldOne(places: readonly (readonly [string, Place])[]): void {
    const [key, place] = places.find(([, { hasSpoken }]) => !hasSpoken) ?? places[0] ?? []
    if (key === undefined || place === undefined) return
    this.#places.delete(key)
    place.onYield()
  }
}
