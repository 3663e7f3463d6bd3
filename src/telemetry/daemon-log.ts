import { writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import { pino, stdSerializers, stdTimeFunctions } from 'pino'
import type { LogConfig } from '../model/config.ts'
import type { LogSink } from '../model/log-sink.ts'
import { eventForPeople } from './event-for-people.ts'
import { openStandardSink } from './open-sinks.ts'

/** Names of fields whose values are never written, at the top and up to two levels below. */
const SECRET_FIELDS = ['authorization', 'key', 'password', 'secret', 'token']

/**
 * What else is known about an event, by name. An error goes under `error`. The names `level`,
 * `time`, `event` and `message` are taken.
 */
export type LogFields = Readonly<Record<string, unknown>>

/** Writes one event: a code that scripts may rely on, a sentence for people, and its facts. */
export type LogEvent = (event: string, message: string, fields?: LogFields) => void

/** The daemon's own log: one JSON object a line, or what people read on a terminal. */
export interface DaemonLog {
  readonly debug: LogEvent
  readonly info: LogEvent
  readonly warn: LogEvent
  readonly error: LogEvent
  /** Changes the least severe level that is written, as on a reload. */
  setLevel(level: LogConfig['level']): void
}

/**
 * Opens the daemon log. Events are few, so each is written at once and none is lost in a crash.
 * A line is `{"level","time","event",...fields,"message"}`, the time in ISO 8601. On a terminal it is
 * shorter, for people: see {@link eventForPeople}.
 *
 * @param level the least severe level that is written
 * @param sink default: standard error
 * @param node name of this node, written with every line; null: a single node has none
 */
export function openDaemonLog(
  level: LogConfig['level'],
  sink: LogSink = openStandardSink(2),
  node: string | null = null,
): DaemonLog {
  const isForPeople = isatty(sink.fd)
  const logger = pino(
    {
      level,
      base: node === null ? null : { node },
      messageKey: 'message',
      errorKey: 'error',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: stdSerializers.err },
      redact: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
    },
    { write: (line) => writeLine(sink, isForPeople ? eventForPeople(line) : line) },
  )
  const writer =
    (method: 'debug' | 'info' | 'warn' | 'error'): LogEvent =>
    (event, message, fields) =>
      logger[method]({ event, ...fields }, message)
  return {
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
    setLevel: (next) => {
      logger.level = next
    },
  }
}

/**
 * A log that cannot be written must not stop the daemon: what a full pipe or disk refuses is
 * dropped.
 */
function writeLine({ fd }: LogSink, line: string): void {
  const bytes = Buffer.from(line)
  let written = 0
  try {
    while (written < bytes.length) written += writeSync(fd, bytes, written)
  } catch {
    // Dropped.
  }
}
