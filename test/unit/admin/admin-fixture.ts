import type { ApiServers } from '../../../src/admin/api-contract.ts'
import type { AdminSource } from '../../../src/admin/server.ts'
import type { DaemonLog } from '../../../src/telemetry/daemon-log.ts'

export const SERVERS: ApiServers = {
  servers: [
    {
      backend: 'app',
      server: 'app1',
      address: '10.0.0.11:8080',
      state: 'UP',
      weight: 10,
      sessions: 3,
      check: {
        status: 'L7OK',
        code: 200,
        info: 'OK',
        durationMs: 1.6,
        lastChangeSeconds: 60,
        failuresTotal: 0,
      },
    },
    {
      backend: 'app',
      server: 'app2',
      address: '[2001:db8::12]:8080',
      state: 'DOWN',
      weight: 100,
      sessions: 0,
      check: {
        status: 'L4CON',
        code: 0,
        info: 'Connection refused',
        durationMs: 0,
        lastChangeSeconds: 2,
        failuresTotal: 3,
      },
    },
    {
      backend: 'db',
      server: 'db1',
      address: 'unix@/run/db.sock',
      state: 'MAINT',
      weight: 1,
      sessions: 12,
      check: null,
    },
  ],
}

/** A daemon that is well. */
export function sourceOf(changes: Partial<AdminSource> = {}): AdminSource {
  return {
    ready: () => ({ ready: true, reasons: [] }),
    info: () => ({
      name: 'sluice',
      version: '0.1.0',
      nodeVersion: 'v20.19.0',
      pid: 4711,
      uptimeSeconds: 12.5,
      configVersion: 3,
    }),
    servers: () => SERVERS,
    metrics: (prefix) => Promise.resolve(`# HELP ${prefix}_up Up.\n`),
    ...changes,
  }
}

/** A log that keeps the codes of its events. */
export function recordingLog(events: string[] = []): DaemonLog {
  const note = (event: string): void => {
    events.push(event)
  }
  return { debug: note, info: note, warn: note, error: note, setLevel: () => {} }
}
