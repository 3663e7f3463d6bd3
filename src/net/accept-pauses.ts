import { Server } from 'node:net'
import {
  closeDescriptor,
  duplicateDescriptor,
  duplicateIfFree,
  lowestFreeDescriptor,
} from './descriptor.ts'
import { descriptorOf } from './engines/node/node-handle.ts'

/** How often it is looked whether a descriptor is left, with two system calls. */
const LOOK_INTERVAL_MS = 100

/**
 * Servers of node:net that accept only while the process has a descriptor left for who comes; until
 * then clients wait in the kernel. Nothing else would have them wait: a loop of libuv that cannot
 * accept for want of a descriptor turns the next client away, or, without its own reserve, says
 * nothing and tries again at once and for ever.
 *
 * For the few addresses of a control plane; workers pause theirs as part of `maxconn`.
 */
export class AcceptPauses {
  readonly #onExhausted: () => void
  readonly #doors = new Map<Server, Door>()
  /** Null while there is no server. */
  #timer: NodeJS.Timeout | null = null

  /** @param onExhausted called with every look that finds no descriptor, ten times a second */
  constructor(onExhausted: () => void) {
    this.#onExhausted = onExhausted
  }

  /**
   * Watches over a server that listens, which costs a descriptor.
   *
   * @throws SluiceError `descriptors-exhausted`, `platform-unsupported`
   */
  add(server: Server): void {
    this.#doors.set(server, new Door(server))
    // Whoever was given the last descriptor closes the door behind himself.
    server.on('connection', this.#look)
    this.#timer ??= setInterval(this.#look, LOOK_INTERVAL_MS).unref()
  }

  /** Lets go of a server that is about to be closed. Idempotent. */
  remove(server: Server): void {
    this.#doors.get(server)?.release()
    this.#doors.delete(server)
    server.off('connection', this.#look)
    if (this.#doors.size > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  readonly #look = (): void => {
    if (isDescriptorLeft()) {
      for (const door of this.#doors.values()) door.open()
      return
    }
    this.#onExhausted()
    for (const door of this.#doors.values()) door.shut()
  }
}

/** A listening server that can stop to accept, and goes on with who has come meanwhile. */
class Door {
  readonly #server: Server
  /** Keeps the socket, and with it the kernel's queue, while the server has none. */
  readonly #kept: number
  #isOpen = true

  constructor(server: Server) {
    this.#server = server
    this.#kept = duplicateDescriptor(descriptorOf(server))
  }

  shut(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    // That of node:http would also stop looking after the connections that are open.
    Server.prototype.close.call(this.#server)
  }

  open(): void {
    if (this.#isOpen) return
    const fd = duplicateIfFree(this.#kept)
    if (fd < 0) return
    if (isDescriptorLeft()) {
      this.#isOpen = true
      this.#server.listen({ fd })
    } else {
      // It would only shut again, with the next client or before.
      closeDescriptor(fd)
    }
  }

  release(): void {
    closeDescriptor(this.#kept)
  }
}

function isDescriptorLeft(): boolean {
  return Number.isFinite(lowestFreeDescriptor())
}
