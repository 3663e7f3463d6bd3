import inspector from 'node:inspector'

/** What the signals of a process do once it runs. */
export interface RunningDaemon {
  /** SIGHUP: reads the file again; a bad one changes nothing. */
  reload(): void
  /** SIGUSR1: opens the logs again. */
  reopenLogs(): void
  /** SIGTERM, the first SIGINT: drains and exits. */
  stop(): void
  /** A second SIGINT: exits now. */
  abort(): void
}

/** When to look whether a signal from before our handlers has opened Node's debugger, after the start. */
const DEBUGGER_LOOKS_MS = [0, 50, 250, 1_000]

/** What a signal asks for. */
type Request = keyof RunningDaemon

/**
 * Takes the signals of the process from its first moment on, and keeps them until there is somebody
 * to act on them. Without a handler SIGHUP ends a process, and SIGUSR1 has Node open its debugger
 * to every account of the host.
 *
 * It is made before anything else is loaded, which takes most of the time of a start.
 */
export class SignalInbox {
  readonly #kept = new Set<Request>()
  #daemon: RunningDaemon | null = null
  #onStopInStart: (() => void) | null = null
  /** Null: there was none. */
  #lastInterruptMs: number | null = null
  readonly #interruptGapMs: number

  /**
   * @param interruptGapMs a SIGINT this soon after another is the same Ctrl-C: the terminal sends one
   *   to the whole group of processes, and a program that started this one may pass on its own
   */
  constructor(interruptGapMs = 0) {
    this.#interruptGapMs = interruptGapMs
    process.on('SIGUSR1', () => this.#take('reopenLogs'))
    process.on('SIGHUP', () => this.#take('reload'))
    process.on('SIGTERM', () => this.#take('stop'))
    process.on('SIGINT', () => this.#interrupt())
    if (process.channel === undefined) return
    // Who started the process with a channel wants it to end with him, however he ends.
    process.on('disconnect', () => this.#take('stop'))
    process.channel?.unref()
  }

  /** Whether the process is to end before it has begun to run. */
  get isStopAsked(): boolean {
    return this.#kept.has('stop')
  }

  /** Calls back once when the process is to end before it has begun to run; at once if it is already. */
  onStopInStart(callback: () => void): void {
    if (this.isStopAsked) callback()
    else this.#onStopInStart = callback
  }

  /** Hands over what was kept, and from now on what comes. */
  deliverTo(daemon: RunningDaemon): void {
    this.#daemon = daemon
    for (const request of this.isStopAsked ? (['stop'] as const) : this.#kept) daemon[request]()
  }

  #take(request: Request): void {
    const isFirst = !this.#kept.has(request)
    this.#kept.add(request)
    if (this.#daemon !== null) this.#daemon[request]()
    else if (request === 'stop' && isFirst) this.#onStopInStart?.()
  }

  #interrupt(): void {
    const nowMs = performance.now()
    const lastMs = this.#lastInterruptMs
    if (lastMs !== null && nowMs - lastMs < this.#interruptGapMs) return
    this.#lastInterruptMs = nowMs
    if (lastMs === null) this.#take('stop')
    else if (this.#daemon === null) process.exit(ABORTED)
    else this.#daemon.abort()
  }
}

/** Status of a process that SIGINT has ended, as shells have it: 128 and the number of the signal. */
export const ABORTED = 130

/**
 * Takes the signal of Node's debugger away from it, and closes the debugger where the signal came
 * before that was possible. Where the command line asks for the debugger it stays.
 */
export function keepDebuggerClosed(options: readonly string[]): void {
  process.on('SIGUSR1', () => {})
  if (options.some((option) => option.includes('--inspect'))) return
  for (const delayMs of DEBUGGER_LOOKS_MS) {
    setTimeout(() => {
      if (inspector.url() !== undefined) inspector.close()
    }, delayMs).unref()
  }
}
