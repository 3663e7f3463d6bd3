import type { Socket } from 'node:net'
import type { Listener } from '../../conn.ts'
import { closeDescriptor, duplicateIfFree, hasInput } from '../../descriptor.ts'
import { type AcceptedHandle, descriptorOf, heldSocket, listenWith } from './node-handle.ts'

/**
 * Turns of the loop that a drain may take, each of which accepts one who waits: four times what
 * Linux lets a queue hold (net.core.somaxconn, 4096).
 */
const DRAIN_TURNS_MAX = 16_384

/**
 * A {@link Listener} on a handle of libuv, which can be told to listen but not to stop: a pause
 * closes it and its descriptor. What it will listen on after the pause is therefore held from
 * before, so that a process which pauses because its descriptors are used up can go on.
 */
export class NodeListener implements Listener {
  readonly #fd: number
  readonly #backlog: number
  readonly #take: (status: number, handle: AcceptedHandle) => void
  /** On a duplicate that is accepted on; null during a pause. */
  #listening: Socket | null = null
  /** On a duplicate for after the next pause; null where none could be had. */
  #spare: Socket | null
  /** It is to close, or has: nothing is held for later any more. */
  #isDraining = false

  /**
   * Accepts at once.
   *
   * @param fd stays the caller's, and open until `close`
   * @param take gets 0 and a handle, or a negative errno and nothing
   * @throws SluiceError `bind-failed` where the descriptor is not that of a socket that can listen
   */
  constructor(fd: number, backlog: number, take: (status: number, handle: AcceptedHandle) => void) {
    this.#fd = fd
    this.#backlog = backlog
    this.#take = take
    this.#spare = holdDuplicate(fd)
    this.resume()
  }

  pause(): void {
    if (this.#listening === null) return
    this.#listening.destroy()
    this.#listening = null
    if (this.#isDraining) return
    // The number that has just become free, if no other thread was quicker.
    this.#spare ??= holdDuplicate(this.#fd)
  }

  resume(): boolean {
    if (this.#isDraining || this.#listening !== null) return true
    const held = this.#spare ?? holdDuplicate(this.#fd)
    if (held === null) return false
    this.#listen(held)
    this.#spare = holdDuplicate(this.#fd)
    return true
  }

  drain(onDrained: () => void): void {
    this.#isDraining = true
    if (this.#listening === null && this.#spare !== null) this.#listen(this.#spare)
    this.#spare?.destroy()
    this.#spare = null
    this.#drainOn(DRAIN_TURNS_MAX, onDrained)
  }

  close(): void {
    this.#isDraining = true
    this.#listening?.destroy()
    this.#spare?.destroy()
    this.#listening = null
    this.#spare = null
  }

  #listen(held: Socket): void {
    this.#spare = null
    listenWith(held, this.#backlog, this.#take)
    this.#listening = held
  }

  #drainOn(turnsLeft: number, onDrained: () => void): void {
    const listening = this.#listening
    if (listening !== null && turnsLeft > 0 && hasInput(descriptorOf(listening))) {
      setImmediate(() => this.#drainOn(turnsLeft - 1, onDrained))
      return
    }
    this.close()
    onDrained()
  }
}

/** Null where the process has as many descriptors as it may. */
function holdDuplicate(fd: number): Socket | null {
  const duplicate = duplicateIfFree(fd)
  if (duplicate < 0) return null
  try {
    return heldSocket(duplicate)
  } catch (error) {
    closeDescriptor(duplicate)
    throw error
  }
}
