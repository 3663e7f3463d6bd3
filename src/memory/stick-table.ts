/** Slots that a key can be in. Of twice as many as entries, a set of so many is hardly ever full. */
const WAYS = 16
const SLOTS_PER_ENTRY = 2

const HEADER_INTS = 2
const SETS = 0
const SEED = 1

const SLOT_INTS = 5
const KEY_LOW = 0
const KEY_HIGH = 1
const SERVER = 2
const CHECK = 3
const USED = 4

const BITS = 32
const LANE_LOW = 0x9e3779b1
const LANE_HIGH = 0x85ebca6b
const MIX_FIRST = 0x7feb352d
const MIX_SECOND = 0x846ca68b

/** How the entries of a table come and go; may change while the table stays. */
export interface StickTableTerms {
  /** How long an entry lasts that is not used, in seconds; 0: until its room is needed. */
  readonly expireSec: number
  /** No entry goes before its time: where there is no room, none is taken up. */
  readonly nopurge: boolean
}

/**
 * Which server a key belongs to, for all threads, in one SharedArrayBuffer of a fixed size. A key
 * is kept as 64 bits of hash, and can be in any slot of one set; where all are taken, the entry goes
 * that was used the longest time ago.
 *
 * Nothing is ever locked, so that a thread may end anywhere. A slot has a check over its key and
 * its server: what two threads have written at once does not pass, and counts as empty. When an
 * entry was used stands apart, so that all threads may note it at any time.
 */
export class StickTable {
  readonly #cells: Int32Array
  readonly #sets: number
  readonly #seed: number
  readonly #expireSec: number
  readonly #nopurge: boolean
  /** The key at hand, hashed. */
  #low = 0
  #high = 0

  /** @param memory from {@link reserveStickTable} */
  constructor(memory: SharedArrayBuffer, { expireSec, nopurge }: StickTableTerms) {
    this.#cells = new Int32Array(memory)
    this.#sets = this.#cells[SETS] as number
    this.#seed = this.#cells[SEED] as number
    this.#expireSec = expireSec
    this.#nopurge = nopurge
  }

  /**
   * The server of a key, whose entry is thereby used.
   *
   * @param key text of one byte a character
   * @param nowSec by a clock that all threads share and that does not go back; at least 1
   * @returns the number that it was stored with, or -1
   */
  find(key: string, nowSec: number): number {
    const slot = this.#slotOf(key, nowSec)
    if (slot < 0) return -1
    const server = Atomics.load(this.#cells, slot + SERVER)
    // It may have changed hands since it was found.
    if (!this.#isWhole(slot, server)) return -1
    this.#use(slot, nowSec)
    return server >>> 0
  }

  /**
   * Notes the server of a key.
   *
   * @param server what stands for it, 0 to 2^32 - 1
   * @param nowSec as in {@link find}
   * @returns false where there was no room
   */
  store(key: string, server: number, nowSec: number): boolean {
    const known = this.#slotOf(key, nowSec)
    const slot = known < 0 ? this.#freeSlot(nowSec) : known
    if (slot < 0) return false
    const cells = this.#cells
    const isSame = known >= 0 && Atomics.load(cells, slot + SERVER) === (server | 0)
    if (!isSame) {
      Atomics.store(cells, slot + KEY_LOW, this.#low)
      Atomics.store(cells, slot + KEY_HIGH, this.#high)
      Atomics.store(cells, slot + SERVER, server)
      Atomics.store(cells, slot + CHECK, checksumOf(this.#low, this.#high, server))
    }
    this.#use(slot, nowSec)
    return true
  }

  /** Hashes the key; returns the slot that has it, or -1. */
  #slotOf(key: string, nowSec: number): number {
    this.#hash(key)
    const cells = this.#cells
    const first = this.#firstSlot()
    for (let way = 0; way < WAYS; way++) {
      const slot = first + way * SLOT_INTS
      if (Atomics.load(cells, slot + KEY_LOW) !== this.#low) continue
      if (Atomics.load(cells, slot + KEY_HIGH) === this.#high && this.#isLive(slot, nowSec)) {
        return slot
      }
    }
    return -1
  }

  /** The slot for another key in the set of the one at hand, or -1. */
  #freeSlot(nowSec: number): number {
    const first = this.#firstSlot()
    let oldest = -1
    let oldestSec = Number.POSITIVE_INFINITY
    for (let way = 0; way < WAYS; way++) {
      const slot = first + way * SLOT_INTS
      if (!this.#isLive(slot, nowSec)) return slot
      const usedSec = Atomics.load(this.#cells, slot + USED)
      if (usedSec >= oldestSec) continue
      oldest = slot
      oldestSec = usedSec
    }
    return this.#nopurge ? -1 : oldest
  }

  #firstSlot(): number {
    return HEADER_INTS + ((this.#low >>> 0) % this.#sets) * WAYS * SLOT_INTS
  }

  #isLive(slot: number, nowSec: number): boolean {
    const cells = this.#cells
    const check = Atomics.load(cells, slot + CHECK)
    const low = Atomics.load(cells, slot + KEY_LOW)
    const high = Atomics.load(cells, slot + KEY_HIGH)
    if (check !== checksumOf(low, high, Atomics.load(cells, slot + SERVER))) return false
    if (this.#expireSec === 0) return true
    return nowSec - Atomics.load(cells, slot + USED) < this.#expireSec
  }

  #isWhole(slot: number, server: number): boolean {
    return Atomics.load(this.#cells, slot + CHECK) === checksumOf(this.#low, this.#high, server)
  }

  #use(slot: number, nowSec: number): void {
    // Most uses fall into the second of the one before: others need not see their cache line change.
    if (Atomics.load(this.#cells, slot + USED) === nowSec) return
    Atomics.store(this.#cells, slot + USED, nowSec)
  }

  #hash(key: string): void {
    let low = this.#seed
    let high = ~this.#seed
    for (let at = 0; at < key.length; at++) {
      const byte = key.charCodeAt(at)
      low = rotated(Math.imul(low ^ byte, LANE_LOW), 13)
      high = rotated(Math.imul(high ^ byte, LANE_HIGH), 17)
    }
    this.#low = mixed(low ^ key.length)
    this.#high = mixed(high + this.#low)
  }
}

/**
 * Memory of a table, for all threads to open. The system commits only the pages that are touched.
 *
 * @param entriesMax entries that there is to be room for
 * @param seed any 32 bits: which keys share a set depends on them, so that no client can choose
 */
export function reserveStickTable(entriesMax: number, seed: number): SharedArrayBuffer {
  const sets = Math.ceil((entriesMax * SLOTS_PER_ENTRY) / WAYS)
  const memory = new SharedArrayBuffer((HEADER_INTS + sets * WAYS * SLOT_INTS) * 4)
  const header = new Int32Array(memory, 0, HEADER_INTS)
  header[SETS] = sets
  header[SEED] = seed
  return memory
}

/** No slot that was never written passes: of three zeros it is not zero. */
function checksumOf(low: number, high: number, server: number): number {
  return mixed(mixed(mixed(server + 1) ^ high) ^ low)
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (BITS - bits))
}

/** Each bit changes about half of the others. Chris Wellons's "lowbias32". */
function mixed(word: number): number {
  let hash = word | 0
  hash = Math.imul(hash ^ (hash >>> 16), MIX_FIRST)
  hash = Math.imul(hash ^ (hash >>> 15), MIX_SECOND)
  return hash ^ (hash >>> 16)
}
