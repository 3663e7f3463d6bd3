import { getSystemErrorName } from 'node:util'
import type { Address } from '../../../base/address.ts'
import { assert } from '../../../base/errors.ts'
import type { Conn, ConnHandler, Listener, NetEngine } from '../../conn.ts'
import { DescriptorGauge } from '../../descriptor-gauge.ts'
import { EXHAUSTED } from '../../failures.ts'
import { NodeConn, type NodeConnMemory } from './node-conn.ts'
import { NodeListener } from './node-listener.ts'
import { WriteBuffers } from './write-buffers.ts'

/** Bytes of the buffer that all connections of an engine read into, and so of the largest read. */
const READ_BUFFER_BYTES = 65_536

/** More than any system grants: the kernel cuts a backlog down to its own limit (somaxconn). */
const BACKLOG_MAX = 2 ** 31 - 1

/** What the owner of an engine decides. */
export interface NodeEngineOptions {
  /**
   * The system refused to hand over a connection that had arrived: `ENOMEM`, `ENOBUFS` ..., or did
   * not tell whose it is: `ENOTCONN`. May be called thousands of times a second. Of a full descriptor table (`EMFILE`) nothing is told as
   * long as libuv can shed load by itself: it accepts with a descriptor kept for that, and closes.
   */
  readonly onAcceptFailure: (errorName: string) => void
  /** Told of the descriptors of all connections. Default: nobody is. */
  readonly descriptors?: DescriptorGauge
}

/** The portable engine, on node:net. One instance a thread. */
export function createNodeEngine(options: NodeEngineOptions): NetEngine {
  return new NodeEngine(options)
}

class NodeEngine implements NetEngine {
  readonly name = 'node'
  readonly #options: NodeEngineOptions
  readonly #memory: NodeConnMemory

  constructor(options: NodeEngineOptions) {
    this.#options = options
    this.#memory = {
      descriptors: options.descriptors ?? new DescriptorGauge(),
      readBuffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
      writeBuffers: new WriteBuffers(),
    }
  }

  listen(
    fd: number,
    kind: Address['kind'],
    onAccept: (conn: Conn) => void,
    backlog: number = BACKLOG_MAX,
  ): Listener {
    const listener: NodeListener = new NodeListener(fd, backlog, (status, handle) => {
      if (status !== 0) {
        const name = getSystemErrorName(status)
        this.#options.onAcceptFailure(name)
        if (!EXHAUSTED.includes(name)) return
        // Who waits would have the loop try again at once, for ever.
        listener.pause()
        this.#memory.descriptors.refused()
        return
      }
      const conn = new NodeConn(kind, handle, this.#memory, UNCLAIMED)
      if (conn.remote.kind === 'unknown') {
        conn.destroy()
        this.#options.onAcceptFailure('ENOTCONN')
        return
      }
      onAccept(conn)
      assert(conn.handler !== UNCLAIMED, 'an accepted connection was given no handler')
    })
    return listener
  }

  connect(address: Address, handler: ConnHandler): Conn {
    const conn = new NodeConn(address.kind, null, this.#memory, handler)
    conn.connect(address)
    return conn
  }
}

/** Stands in until `onAccept` has set a handler. */
const UNCLAIMED: ConnHandler = {
  onConnect() {},
  onData() {},
  onDrain() {},
  onEnd() {},
  onClose() {},
}
