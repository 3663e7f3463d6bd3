import type { DaemonLog } from '../../../src/telemetry/daemon-log.ts'

/** A log that keeps the codes of its events. */
export function recordingLog(events: string[] = []): DaemonLog {
  const note = (event: string): void => {
    events.push(event)
  }
  return { debug: note, info: note, warn: note, error: note, setLevel: () => {} }
}
