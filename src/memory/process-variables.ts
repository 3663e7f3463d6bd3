/** Variables that there is room for; one that is unset keeps its place for the next time. */
export const PROCESS_VARIABLES_MAX = 256

/** Characters of a name. */
export const PROCESS_VARIABLE_NAME_MAX = 64

/** Characters of a value. */
export const PROCESS_VARIABLE_VALUE_MAX = 512

/** Values of a variable that are kept at once, the last of which counts. */
const COPIES = 8

/** How often a value is read anew that was written over meanwhile. */
const READ_TRIES = 8

/** How often it is looked whether another thread has written a name that it was about to. */
const NAME_TRIES = 1_000_000

/** Of a place: how long its name is, or one of the three below. */
const STATE = 0
/** Of the value that was begun last. */
const TICKET = 1
/** Of the value that counts; 0: there never was one. */
const CURRENT = 2
const NAME = 3

const FREE = 0
/** A thread is about to write a name. */
const CLAIMED = -1
/** It has ended before it had. */
const LOST = -2

/** Of a copy. */
const KIND = 0
const LENGTH = 1
const CHECK = 2
const TEXT = 3

const UNSET = 0
const STRING = 1
const NUMBER = 2

/** Ints that so many characters of 16 bits take. */
const intsFor = (characters: number): number => Math.ceil(characters / 2)

const COPY_INTS = TEXT + intsFor(PROCESS_VARIABLE_VALUE_MAX)
const FIRST_COPY = NAME + intsFor(PROCESS_VARIABLE_NAME_MAX)
const PLACE_INTS = FIRST_COPY + COPIES * COPY_INTS

const HASH_PRIME = 0x01000193

/**
 * Variables that all threads share, in one SharedArrayBuffer, for the life of the process: the scope
 * `proc` of rules. HAProxy configuration manual, section 2.8.
 *
 * Nothing is ever locked, so that a thread may end anywhere. A value is written into the oldest of a
 * few copies, with a check over all of it, and counts from when its number is published; who writes
 * last has the highest number. A thread that is held up within a write until all other copies were
 * written spoils the value that is there by then: it counts as unset until the next is written.
 */
export class ProcessVariables {
  readonly #ints: Int32Array
  readonly #characters: Uint16Array
  /** Of each name that this thread has met the place, which never changes. */
  readonly #places = new Map<string, number>()

  /** @param memory of {@link reserveProcessVariables} */
  constructor(memory: SharedArrayBuffer) {
    this.#ints = new Int32Array(memory)
    this.#characters = new Uint16Array(memory)
  }

  /** The value, null where there is none. */
  get(name: string): string | number | null {
    const place = this.#placeOf(name, false)
    if (place < 0) return null
    for (let tries = 0; tries < READ_TRIES; tries++) {
      const ticket = Atomics.load(this.#ints, place + CURRENT)
      if (ticket === 0) return null
      const copy = copyOf(place, ticket)
      const kind = Atomics.load(this.#ints, copy + KIND)
      const length = Atomics.load(this.#ints, copy + LENGTH)
      const text = this.#textAt(copy + TEXT, Math.min(length, PROCESS_VARIABLE_VALUE_MAX))
      const check = checksumOf(ticket, kind, text)
      if (Atomics.load(this.#ints, copy + CHECK) === check) return valueAs(kind, text)
    }
    return null
  }

  /**
   * @param name not empty
   * @param value null: it is unset
   * @returns false where there is no room for the name or the value; all is then as it was
   */
  set(name: string, value: string | number | null): boolean {
    const text = value === null ? '' : String(value)
    if (text.length > PROCESS_VARIABLE_VALUE_MAX) return false
    const place = this.#placeOf(name, value !== null)
    if (place < 0) return value === null
    const kind = value === null ? UNSET : typeof value === 'number' ? NUMBER : STRING
    const ticket = nextOf(Atomics.add(this.#ints, place + TICKET, 1))
    const copy = copyOf(place, ticket)
    Atomics.store(this.#ints, copy + CHECK, 0)
    Atomics.store(this.#ints, copy + KIND, kind)
    Atomics.store(this.#ints, copy + LENGTH, text.length)
    this.#write(copy + TEXT, text)
    Atomics.store(this.#ints, copy + CHECK, checksumOf(ticket, kind, text))
    this.#publish(place, ticket)
    return true
  }

  /** A value counts unless a later one does already. */
  #publish(place: number, ticket: number): void {
    const ints = this.#ints
    let current = Atomics.load(ints, place + CURRENT)
    while (((ticket - current) | 0) > 0 || current === 0) {
      const found = Atomics.compareExchange(ints, place + CURRENT, current, ticket)
      if (found === current) return
      current = found
    }
  }

  /**
   * Where a variable is, in ints; -1 where it is not. Who looks for one goes through the places in
   * their order and takes the first that is free, so that no name can have two.
   */
  #placeOf(name: string, takesFree: boolean): number {
    const known = this.#places.get(name)
    if (known !== undefined) return known
    if (name.length > PROCESS_VARIABLE_NAME_MAX) return -1
    const end = PROCESS_VARIABLES_MAX * PLACE_INTS
    for (let place = 0; place < end; place += PLACE_INTS) {
      if (takesFree) this.#claim(place, name)
      const length = this.#nameLengthAt(place)
      if (length === FREE) return -1
      if (length === LOST || this.#textAt(place + NAME, length) !== name) continue
      this.#places.set(name, place)
      return place
    }
    return -1
  }

  /** Takes a place for a name if it is free. */
  #claim(place: number, name: string): void {
    const ints = this.#ints
    if (Atomics.load(ints, place + STATE) !== FREE) return
    if (Atomics.compareExchange(ints, place + STATE, FREE, CLAIMED) !== FREE) return
    this.#write(place + NAME, name)
    Atomics.compareExchange(ints, place + STATE, CLAIMED, name.length)
  }

  /** A name that another thread is about to write is waited for, but not for ever. */
  #nameLengthAt(place: number): number {
    const ints = this.#ints
    for (let tries = 0; tries < NAME_TRIES; tries++) {
      const state = Atomics.load(ints, place + STATE)
      if (state !== CLAIMED) return state
    }
    const state = Atomics.compareExchange(ints, place + STATE, CLAIMED, LOST)
    return state === CLAIMED ? LOST : state
  }

  #textAt(at: number, length: number): string {
    return String.fromCharCode(...this.#characters.subarray(at * 2, at * 2 + length))
  }

  #write(at: number, text: string): void {
    const characters = this.#characters
    for (let n = 0; n < text.length; n++) characters[at * 2 + n] = text.charCodeAt(n)
  }
}

/** Memory of the variables, for all threads to open. The system commits only what is touched. */
export function reserveProcessVariables(): SharedArrayBuffer {
  return new SharedArrayBuffer(PROCESS_VARIABLES_MAX * PLACE_INTS * 4)
}

/** The number of the next value: 0 is none's. */
function nextOf(ticket: number): number {
  return (ticket + 1) | 0 || 1
}

function copyOf(place: number, ticket: number): number {
  return place + FIRST_COPY + ((ticket >>> 0) % COPIES) * COPY_INTS
}

function valueAs(kind: number, text: string): string | number | null {
  if (kind === UNSET) return null
  return kind === NUMBER ? Number(text) : text
}

/** Never 0, which stands for a value that is being written. */
function checksumOf(ticket: number, kind: number, text: string): number {
  let hash = Math.imul(ticket, HASH_PRIME) ^ kind
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), HASH_PRIME)
    hash ^= hash >>> 15
  }
  return hash | 1
}
