/**
 * Bytes that were handed to the state machine's thread and that it has not taken yet. It is counted
 * in shared memory, so that taking them wakes nobody.
 */
export class HandedBytes {
  /** What both threads make their own from. */
  readonly memory: SharedArrayBuffer
  /** Taken so far, modulo 2^32. */
  readonly #taken: Int32Array
  #handed = 0

  constructor(memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.#taken = new Int32Array(memory)
  }

  /** Counts what is handed over. @returns how many wait, these among them */
  hand(bytes: number): number {
    this.#handed = (this.#handed + bytes) | 0
    return (this.#handed - Atomics.load(this.#taken, 0)) >>> 0
  }

  /** Counts what was taken. */
  take(bytes: number): void {
    Atomics.add(this.#taken, 0, bytes)
  }
}
