import { Worker } from 'node:worker_threads'
import type { Address } from '../../src/base/address.ts'

/** What a peer can be told to do, without the event loop of this thread having to turn for it. */
export type PeerAct = 'write' | 'end' | 'reset'

/** Longer than any act takes on a machine that is busy. */
const ACT_MS_MAX = 10_000

/** Connects with node:net in a thread of its own, and says when the kernel has taken each act. */
const program = `
  const { connect } = require('node:net')
  const { parentPort, workerData } = require('node:worker_threads')
  const { address, done } = workerData
  const acted = () => {
    Atomics.add(done, 0, 1)
    Atomics.notify(done, 0)
  }
  const socket = connect({ ...address, allowHalfOpen: true }, () => parentPort.postMessage('connected'))
  socket.on('error', () => {}).resume()
  parentPort.on('message', (act) => {
    if (act === 'write') socket.write('hello', acted)
    if (act === 'end') socket.end(acted)
    if (act === 'reset') socket.once('close', acted).resetAndDestroy()
  })
`

/** A peer that can act while this thread stands still. */
export class PeerThread {
  readonly #worker: Worker
  readonly #done: Int32Array

  constructor(worker: Worker, done: Int32Array) {
    this.#worker = worker
    this.#done = done
  }

  /** Resolves once it is connected. */
  static async connect(address: Address): Promise<PeerThread> {
    const done = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
    const worker = new Worker(program, { eval: true, workerData: { address, done } })
    await new Promise<void>((resolve, reject) => {
      worker.once('error', reject)
      worker.once('message', () => resolve())
    })
    return new PeerThread(worker, done)
  }

  /**
   * Acts, and blocks this thread until a condition holds after it: no event of this thread comes in
   * between. The act itself may be done before its effect is here.
   *
   * @throws Error when it does not hold after 10 seconds
   */
  actUntil(act: PeerAct, holds: () => boolean): void {
    const deadline = performance.now() + ACT_MS_MAX
    const before = Atomics.load(this.#done, 0)
    this.#worker.postMessage(act)
    Atomics.wait(this.#done, 0, before, ACT_MS_MAX)
    while (!holds()) {
      if (performance.now() > deadline) throw new Error(`no effect of ${act}`)
      Atomics.wait(this.#done, 0, before + 1, 1)
    }
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate()
  }
}
