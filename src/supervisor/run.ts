import { SluiceError } from '../base/errors.ts'
import { type DaemonLog, openDaemonLog } from '../telemetry/daemon-log.ts'
import { endAbruptly } from './abrupt-end.ts'
import type { Daemon, DaemonOptions } from './daemon.ts'
import {
  type ConfigSurroundings,
  type ReadText,
  readConfigFile,
  readHere,
} from './preparation/config-file.ts'
import { ConfigReading } from './reading/config-reading.ts'
import { ABORTED, type RunningDaemon, type SignalInbox } from './signal-inbox.ts'
import type { EarlyThreads } from './threads/early-threads.ts'

/**
 * How long after `global.grace` the process ends whatever happens. Cut sessions have two seconds to
 * be closed, logs to slow sinks two more.
 */
const ENDING_MS_MAX = 5_000

/** How long a start may go on that is to end, before it is given up where it is. */
const START_MS_MAX = 5_000

/** How long what a failed start has left behind may keep the process from ending by itself. */
const LEFTOVERS_MS_MAX = 500

/** What `sluice run` is started with. */
export interface RunOptions extends ConfigSurroundings {
  readonly file: string
  readonly version: string
  /** Threads of the data plane, of which the first loads already. */
  readonly threads: EarlyThreads
  /** See {@link DaemonOptions}. */
  readonly agreementEntry: URL
  /** See {@link ConfigReadingOptions}. */
  readonly readingEntry: URL
  /** Where a refused config is explained: standard error. */
  readonly print: (text: string) => void
  /** The process is to end with this status. */
  readonly exit: (status: number) => void
  /** What has come since the process began, and what will come. */
  readonly signals: SignalInbox
}

/**
 * Runs a daemon on a config file until it is stopped.
 *
 * @throws SluiceError `config-unreadable`, `config-invalid`, and what {@link Daemon.start} throws
 */
export async function run(options: RunOptions): Promise<void> {
  const { signals } = options
  let overdue: NodeJS.Timeout | undefined
  signals.onStopInStart(() => {
    overdue = setTimeout(() => endAbruptly(0), START_MS_MAX).unref()
  })
  const { config, report, text } = await readConfigFile(options.file, readHere(options))
  if (report !== '') options.print(report)
  if (config === null) throw new SluiceError('config-invalid', `${options.file} is not valid`)
  const log = openDaemonLog(config.global.log.level, undefined, config.cluster?.node)
  process.on('uncaughtException', (error) => {
    log.error('daemon-failing', 'the main thread met with what it cannot go on from', { error })
    endAbruptly(1)
  })
  if (signals.isStopAsked) {
    options.exit(0)
    return
  }
  const reading = new ConfigReading({ entry: options.readingEntry, surroundings: options, log })
  // They load beside the rest of this thread's code.
  options.threads.start(config.global.nbthread)
  const daemon = await start({
    file: { name: options.file, text, config, report },
    surroundings: options,
    log,
    clock: () => performance.now(),
    version: options.version,
    threads: options.threads,
    agreementEntry: options.agreementEntry,
    reading,
    onFatal: () => endAbruptly(1),
  })
  clearTimeout(overdue)
  signals.deliverTo(runningDaemon(daemon, log, options, reading.read))
}

/** Starts the daemon, or has the process end once it has been said why it cannot. */
async function start(options: DaemonOptions): Promise<Daemon> {
  const { Daemon } = await import('./daemon.ts')
  try {
    return await Daemon.start(options)
  } catch (error) {
    // What has begun is closed. A thing that is left, whichever it is, must not keep a process that
    // serves nobody: its manager waits for the end to start it again.
    setTimeout(() => endAbruptly(1), LEFTOVERS_MS_MAX).unref()
    throw error
  }
}

function runningDaemon(
  daemon: Daemon,
  log: DaemonLog,
  options: RunOptions,
  read: ReadText,
): RunningDaemon {
  // One reload after the other; signals that come meanwhile are one more.
  let reloading: Promise<void> = Promise.resolve()
  let isQueued = false
  let isStopping = false
  const reload = async (): Promise<void> => {
    isQueued = false
    try {
      const { config: next, report, text } = await readConfigFile(options.file, read)
      if (next === null)
        throw new SluiceError('config-invalid', `${options.file} is not valid\n${report}`)
      if (report !== '') log.warn('config-warnings', report)
      await daemon.reload({ name: options.file, text, config: next, report })
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error
      const { code, message, hint } = error
      log.error('config-rejected', `the old config stays active: ${message}`, { code, hint })
    }
  }
  return {
    reload: () => {
      if (isQueued) return
      isQueued = true
      reloading = reloading.then(reload)
    },
    reopenLogs: () => daemon.reopenLogs(),
    abort: () => endAbruptly(ABORTED),
    stop: () => {
      if (isStopping) return
      isStopping = true
      setTimeout(() => {
        log.error('stop-overdue', 'something that has to end first does not end')
        endAbruptly(1)
      }, daemon.graceMs + ENDING_MS_MAX).unref()
      void daemon.stop().then((hasEnded) => (hasEnded ? options.exit(0) : endAbruptly(1)))
    },
  }
}
