import { randomFillSync } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import {
  TICKET_KEY_BYTES,
  TICKET_KEYS_MAX,
  TICKET_KEYS_MIN,
  type TicketKeys,
} from '../model/bind-tls.ts'

/** The first byte of what is told to other nodes. */
const FORMAT = 1

/** Bytes of that before the keys: the format, and milliseconds since the last rotation. */
const HEAD_BYTES = 5

const AGE_MS_MAX = 0xffff_ffff

/** What a {@link TicketKeyRing} is made with. */
export interface TicketKeyRingOptions {
  /** For how long a key seals. */
  readonly rotationMs: number
  /** Keys that are kept, {@link TICKET_KEYS_MIN} to {@link TICKET_KEYS_MAX}. */
  readonly kept: number
  readonly clock: Clock
}

/**
 * The keys of session tickets of this node: one that is next, one that seals, and those that still
 * open what they have sealed. They are drawn at random, are in memory alone, and the last is let go
 * with each rotation, so that whoever learns them later can read nothing that is older.
 *
 * The next key is there one rotation before it seals: other nodes have it by then, and open what
 * this one seals whichever of them rotates first.
 */
export class TicketKeyRing {
  /** Told of every change. */
  onChange: (keys: TicketKeys) => void = () => {}
  /** These are the keys of all nodes, made or handed on by a leader. */
  isShared = false
  readonly #options: TicketKeyRingOptions
  /** The newest first. */
  #keys: readonly Uint8Array[] = [drawKey(), drawKey()]
  #rotatedMs: number

  constructor(options: TicketKeyRingOptions) {
    this.#options = options
    this.#rotatedMs = options.clock()
  }

  /** The keys at this moment. */
  get keys(): TicketKeys {
    return { sealing: this.#keys[1] as Uint8Array, opening: this.#keys }
  }

  /** For how long a key seals. */
  get rotationMs(): number {
    return this.#options.rotationMs
  }

  /**
   * Draws a new key for each rotation that is due; to be called more often than that.
   *
   * @param lateMs how long it may be due already, because another may rotate
   */
  rotateIfDue(lateMs: number): void {
    const { clock, rotationMs, kept } = this.#options
    const nowMs = clock()
    if (nowMs - this.#rotatedMs < rotationMs + lateMs) return
    const due = Math.min(kept, Math.floor((nowMs - this.#rotatedMs) / rotationMs))
    const drawn = Array.from({ length: due }, drawKey)
    this.#keys = [...drawn, ...this.#keys].slice(0, kept)
    this.#rotatedMs = nowMs
    this.onChange(this.keys)
  }

  /** The keys and their age, for another node of the cluster and nobody else. */
  encode(): Uint8Array {
    const head = Buffer.alloc(HEAD_BYTES)
    head[0] = FORMAT
    const ageMs = Math.max(0, Math.round(this.#options.clock() - this.#rotatedMs))
    head.writeUInt32BE(Math.min(ageMs, AGE_MS_MAX), 1)
    return Uint8Array.from(Buffer.concat([head, ...this.#keys]))
  }

  /**
   * Takes over what another node's {@link encode} gave.
   *
   * @returns false: these bytes are none, and nothing has changed
   */
  take(bytes: Uint8Array): boolean {
    const count = (bytes.length - HEAD_BYTES) / TICKET_KEY_BYTES
    if (bytes[0] !== FORMAT || !Number.isInteger(count)) return false
    if (count < TICKET_KEYS_MIN - 1 || count > TICKET_KEYS_MAX) return false
    const ageMs = Buffer.from(bytes).readUInt32BE(1)
    const keys = Array.from({ length: count }, (_, n) => {
      const start = HEAD_BYTES + n * TICKET_KEY_BYTES
      return Uint8Array.from(bytes.subarray(start, start + TICKET_KEY_BYTES))
    })
    this.isShared = true
    this.#rotatedMs = this.#options.clock() - ageMs
    if (isSame(keys, this.#keys)) return true
    this.#keys = keys
    this.onChange(this.keys)
    return true
  }
}

/** Memory of its own: what is sent to threads is sent with all that shares its memory. */
function drawKey(): Uint8Array {
  return randomFillSync(new Uint8Array(TICKET_KEY_BYTES))
}

function isSame(keys: readonly Uint8Array[], others: readonly Uint8Array[]): boolean {
  return Buffer.concat(keys).equals(Buffer.concat(others))
}
