import type { Conn } from '../../net/conn.ts'
import { Deadline, type DeadlineWheel } from '../../net/deadline-wheel.ts'

/**
 * Clients that are looked at in one tick of the wheel: a system call each, so that a turn costs
 * a hundredth of a processor at most. Ten thousand that wait are looked at every two seconds.
 */
const LOOKS_MAX = 256

/**
 * Watches clients that are not read because no server is there for them yet, and closes those
 * that have reset their connection: the event loop tells nothing of a connection that is not read,
 * and a client that is gone would keep its place in line and reach the server in the end. One that
 * has only ended its own side may still read, and is left alone (HAProxy's default, too:
 * configuration manual, option abortonclose).
 */
export class HangUpWatch {
  readonly #wheel: DeadlineWheel
  readonly #deadline = new Deadline(() => this.#look())
  /** Those that have not been looked at for the longest time come first. */
  readonly #clients = new Set<Conn>()

  /** @param wheel of the worker */
  constructor(wheel: DeadlineWheel) {
    this.#wheel = wheel
  }

  /** Watches a client from now on. Its handler is told as by `destroy`, where it is gone. */
  add(client: Conn): void {
    this.#clients.add(client)
    if (this.#clients.size === 1) this.#schedule()
  }

  /** Leaves a client alone. Harmless for one that is not watched. */
  remove(client: Conn): void {
    if (this.#clients.delete(client) && this.#clients.size === 0) {
      this.#wheel.cancel(this.#deadline)
    }
  }

  #look(): void {
    let left = Math.min(this.#clients.size, LOOKS_MAX)
    for (const client of this.#clients) {
      if (left-- === 0) break
      // To the end of the round, where it stays: the next turn begins with who was not looked at.
      this.#clients.delete(client)
      if (client.hasHungUp()) client.destroy()
      else this.#clients.add(client)
    }
    if (this.#clients.size > 0) this.#schedule()
  }

  #schedule(): void {
    this.#wheel.scheduleIn(this.#deadline, 0)
  }
}
