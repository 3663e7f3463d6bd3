import type { Socket } from 'node:net'
import { assert } from '../base/errors.ts'

/** What a connection is doing: the later, the longer it is kept where others want in. */
const STAGES = ['unproven', 'idle', 'probing', 'asking'] as const

/**
 * A connection is `unproven` until its first request is complete, `idle` between two, `probing`
 * while a probe or a scrape is answered, `asking` while anything else is.
 */
type Stage = (typeof STAGES)[number]

/**
 * The connections of an address, bounded. Who says nothing, or says it byte by byte, keeps nobody
 * out: where all places are taken the oldest connection of the earliest stage yields to a new one.
 * Those that ask have a share only, so that a probe always finds a place.
 */
export class ConnectionSlots {
  readonly #slotsMax: number
  readonly #askingMax: number
  /** Of each stage the connections, the oldest first. */
  readonly #byStage: Readonly<Record<Stage, Set<Socket>>> = {
    unproven: new Set(),
    idle: new Set(),
    probing: new Set(),
    asking: new Set(),
  }

  /**
   * @param slotsMax connections at once
   * @param askingMax how many of them may be asking at once, fewer than `slotsMax`
   */
  constructor(slotsMax: number, askingMax: number) {
    assert(askingMax < slotsMax, 'probes have a share of the connections')
    this.#slotsMax = slotsMax
    this.#askingMax = askingMax
  }

  /** Takes a new connection in, for which another may be cut. It leaves by itself when it closes. */
  add(socket: Socket): void {
    if (this.#count >= this.#slotsMax) this.#oldest()?.destroy()
    this.#byStage.unproven.add(socket)
    socket.once('close', () => this.#forget(socket))
  }

  /**
   * A connection goes on to a stage.
   *
   * @returns false: it may not, since as many are asking as may; it stays where it was
   */
  move(socket: Socket, stage: Stage): boolean {
    if (stage === 'asking' && this.#byStage.asking.size >= this.#askingMax) return false
    if (!this.#forget(socket)) return true
    this.#byStage[stage].add(socket)
    return true
  }

  get #count(): number {
    return STAGES.reduce((count, stage) => count + this.#byStage[stage].size, 0)
  }

  /** Invariant: fewer are asking than there are places, so that of a full set one can yield. */
  #oldest(): Socket | undefined {
    for (const stage of STAGES) {
      const [oldest] = this.#byStage[stage]
      // A cut one says that it is closed only later.
      if (oldest !== undefined && this.#forget(oldest)) return oldest
    }
    return undefined
  }

  #forget(socket: Socket): boolean {
    return STAGES.some((stage) => this.#byStage[stage].delete(socket))
  }
}
