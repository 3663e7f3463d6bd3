import type { Socket } from 'node:net'
import type { Listener } from '../../conn.ts'
import { closeDescriptor, duplicateIfFree } from '../../descriptor.ts'
import { type AcceptedHandle, heldSocket, listenWith } from './node-handle.ts'

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
  #isClosed = false

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
    // The number that has just become free, if no other thread was quicker.
    this.#spare ??= holdDuplicate(this.#fd)
  }

  resume(): boolean {
    if (this.#isClosed || this.#listening !== null) return true
    const held = this.#spare ?? holdDuplicate(this.#fd)
    if (held === null) return false
    this.#spare = null
    listenWith(held, this.#backlog, this.#take)
    this.#listening = held
    this.#spare = holdDuplicate(this.#fd)
    return true
  }

  close(): void {
    this.#isClosed = true
    this.#listening?.destroy()
    this.#spare?.destroy()
    this.#listening = null
    this.#spare = null
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
