import { SluiceError } from '../errors.ts'
import { openDaemonLog } from '../telemetry/daemon-log.ts'
import { endAbruptly } from './abrupt-end.ts'
import { type ConfigSurroundings, readConfigFile } from './config-file.ts'
import { Daemon } from './daemon.ts'

/**
 * How long after `global.grace` the process ends whatever happens. Cut sessions have two seconds to
 * be closed, logs to slow sinks two more.
 */
const ENDING_MS_MAX = 5_000

/** What `sluice run` is started with. */
export interface RunOptions extends ConfigSurroundings {
  readonly file: string
  readonly version: string
  /** Where a refused config is explained: standard error. */
  readonly print: (text: string) => void
  /** The process is to end with this status. */
  readonly exit: (status: number) => void
}

/** What the process' signals do. */
export interface RunningDaemon {
  /** SIGHUP: reads the file again; a bad one changes nothing. */
  reload(): void
  /** SIGUSR1: opens the logs again. */
  reopenLogs(): void
  /** SIGTERM, SIGINT: drains and exits. */
  stop(): void
}

/**
 * Runs a daemon on a config file until it is stopped.
 *
 * @throws SluiceError `config-unreadable`, `config-invalid`, and what {@link Daemon.start} throws
 */
export async function run(options: RunOptions): Promise<RunningDaemon> {
  const { config, report, text } = await readConfigFile(options.file, options)
  if (report !== '') options.print(report)
  if (config === null) throw new SluiceError('config-invalid', `${options.file} is not valid`)
  const log = openDaemonLog(config.global.log.level, undefined, config.cluster?.node)
  process.on('uncaughtException', (error) => {
    log.error('daemon-failing', 'the main thread met with what it cannot go on from', { error })
    endAbruptly(1)
  })
  const daemon = await Daemon.start({
    file: { name: options.file, text, config },
    surroundings: options,
    log,
    clock: () => performance.now(),
    version: options.version,
    onFatal: () => endAbruptly(1),
  })
  // One reload after the other; signals that come meanwhile are one more.
  let reloading: Promise<void> = Promise.resolve()
  let isQueued = false
  const reload = async (): Promise<void> => {
    isQueued = false
    try {
      const { config: next, report, text } = await readConfigFile(options.file, options)
      if (next === null)
        throw new SluiceError('config-invalid', `${options.file} is not valid\n${report}`)
      if (report !== '') log.warn('config-warnings', report)
      await daemon.reload({ name: options.file, text, config: next })
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
    stop: () => {
      setTimeout(() => {
        log.error('stop-overdue', 'something that has to end first does not end')
        endAbruptly(1)
      }, daemon.graceMs + ENDING_MS_MAX).unref()
      void daemon.stop().then((hasEnded) => (hasEnded ? options.exit(0) : endAbruptly(1)))
    },
  }
}
