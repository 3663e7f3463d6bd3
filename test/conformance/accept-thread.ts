import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { ListeningSocket } from '../../src/net/listening-socket.ts'
import { sourcesIn, stripSources } from '../fixtures/stripped-sources.ts'
import type { EngineUnderTest } from './conn-lab.ts'

/** Accepts in a thread of its own and answers each connection with the thread's name. */
const program = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { module, factory, fd, kind, name, backlog } = workerData
  const ignore = () => {}
  void import(module).then((exports) => {
    const engine = exports[factory]({ onAcceptFailure: ignore })
    const listener = engine.listen(fd, kind, (conn) => {
      conn.handler = {
        onConnect: ignore, onData: ignore, onDrain: ignore, onClose: ignore,
        onEnd: (ended) => ended.end(),
      }
      conn.write(name)
      conn.end()
    }, backlog)
    parentPort.on('message', () => {
      listener.close()
      parentPort.postMessage('stopped')
    })
    parentPort.postMessage('accepting')
  })
`

/** Where the rooms that src/net needs are without types; made once. */
let folder: string | undefined

/** A worker thread that accepts on a shared listening socket. */
export class AcceptThread {
  readonly #worker: Worker

  constructor(worker: Worker) {
    this.#worker = worker
  }

  /** Resolves once it accepts. */
  static async start(
    subject: EngineUnderTest,
    socket: ListeningSocket,
    name: string,
    backlog: number,
  ): Promise<AcceptThread> {
    folder ??= stripSources('conformance', [
      ...sourcesIn('src/base'),
      ...sourcesIn('src/model'),
      ...sourcesIn('src/net'),
    ])
    const { fd, address } = socket
    const { factory } = subject
    const path = join(folder, 'src', subject.module.replace(/\.ts$/, '.js'))
    const module = pathToFileURL(path).href
    const thread = new AcceptThread(
      new Worker(program, {
        eval: true,
        workerData: { module, factory, fd, kind: address.kind, name, backlog },
      }),
    )
    await thread.#answer()
    return thread
  }

  /** Closes the listener of this thread only. */
  async stopAccepting(): Promise<void> {
    this.#worker.postMessage('stop')
    await this.#answer()
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate()
  }

  #answer(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#worker.once('error', reject)
      this.#worker.once('message', () => resolve())
    })
  }
}
