import type { DaemonLog, LogFields } from '../../../src/telemetry/daemon-log.ts'

/** One line of a log. */
export interface RecordedLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly event: string
  readonly message: string
  readonly fields: LogFields
}

/** A log that keeps its lines. */
export function recordedLog(lines: RecordedLine[]): DaemonLog {
  const writer =
    (level: RecordedLine['level']) =>
    (event: string, message: string, fields: LogFields = {}): void => {
      lines.push({ level, event, message, fields })
    }
  return {
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
    setLevel: () => {},
  }
}
