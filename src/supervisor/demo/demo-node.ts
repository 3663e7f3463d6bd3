import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** The config that all nodes run: an example like any other, completed by variables. */
const DEMO_CONFIG = 'configs/demo.yaml'

/** The command that the nodes are run with. */
const SLUICE = 'bin/sluice'

/** How long a node stays away that was killed, so that one can see the others go on. */
export const RESTART_MS = 10_000

/** What a node of the demo is made with. */
export interface DemoNodeOptions {
  readonly name: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** The folder of the package. */
  readonly home: URL
  /** Where it keeps its data and its admin socket, among those of the others. */
  readonly folder: string
  readonly proxyPort: number
  /** Where clients come over TLS. */
  readonly securePort: number
  readonly adminPort: number
  /** It wrote a line to its log. */
  readonly onEvent: (line: string) => void
  /** It could not run: it has said why on standard error. */
  readonly onFailed: (status: number) => void
}

/** One node of the demo's cluster: a process of its own, so that it can be killed. */
export class DemoNode {
  readonly name: string
  /** `http://HOST:PORT`, where clients come. */
  readonly proxy: string
  /** `https://localhost:PORT`, where they come over TLS. */
  readonly secureProxy: string
  /** `http://HOST:PORT` of the admin address. */
  readonly admin: string
  /** `unix:PATH` of the admin socket. */
  readonly socket: string
  readonly #options: DemoNodeOptions
  #process: ChildProcess
  #restart: NodeJS.Timeout | undefined
  #stopping = false

  constructor(options: DemoNodeOptions) {
    this.#options = options
    this.name = options.name
    this.proxy = `http://127.0.0.1:${options.proxyPort}`
    this.secureProxy = `https://localhost:${options.securePort}`
    this.admin = `http://127.0.0.1:${options.adminPort}`
    this.socket = `unix:${join(options.folder, `${options.name}.sock`)}`
    this.#process = this.#spawn()
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** Ends it now. */
  kill(): void {
    this.#stopping = true
    clearTimeout(this.#restart)
    this.#process.kill('SIGKILL')
  }

  /** Drains and ends it. */
  async stop(): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#restart)
    const { exitCode, signalCode } = this.#process
    if (exitCode !== null || signalCode !== null) return
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#process.kill('SIGTERM')
    await ended
  }

  #spawn(): ChildProcess {
    const { name, env, home, folder, proxyPort, securePort, adminPort } = this.#options
    const { onEvent, onFailed } = this.#options
    const script = fileURLToPath(new URL(SLUICE, home))
    const config = fileURLToPath(new URL(DEMO_CONFIG, home))
    const child = spawn(process.execPath, [script, 'run', '-f', config], {
      env: {
        ...env,
        SLUICE_DEMO_DIR: folder,
        SLUICE_DEMO_NODE: name,
        SLUICE_DEMO_PORT: String(proxyPort),
        SLUICE_DEMO_SECURE_PORT: String(securePort),
        SLUICE_DEMO_ADMIN_PORT: String(adminPort),
      },
      // The node drains and ends when the channel does: with this process, however that ends.
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    if (child.stderr !== null) createInterface({ input: child.stderr }).on('line', onEvent)
    child.once('exit', (status) => {
      if (this.#stopping) return
      if (status !== null && status !== 0) onFailed(status)
      else this.#restart = setTimeout(() => (this.#process = this.#spawn()), RESTART_MS)
    })
    return child
  }
}
