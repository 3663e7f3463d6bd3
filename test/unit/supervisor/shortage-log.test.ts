import { expect, it } from 'vitest'
import { ShortageLog } from '../../../src/supervisor/shortage-log.ts'
import type { DaemonLog } from '../../../src/telemetry/daemon-log.ts'

const TO = { kind: 'inet', host: '192.0.2.1', port: 80 } as const
const MINUTE_MS = 60_000

it('says each shortage once while it lasts, with the remedy', () => {
  let nowMs = 0
  const told: [string, string][] = []
  const log = { warn: (event, message) => told.push([event, message]) } as Partial<DaemonLog>
  const shortages = new ShortageLog(log as DaemonLog, () => nowMs)
  for (; nowMs < 10 * MINUTE_MS; nowMs += MINUTE_MS - 1) {
    shortages.note('portless', TO)
    shortages.note('portless', { ...TO, port: 81 })
  }
  expect(told).toHaveLength(1)
  expect(told[0]?.[0]).toBe('ports-exhausted')
  expect(told[0]?.[1]).toMatch(/192\.0\.2\.1:80: .*ip_local_port_range/)
  shortages.note('exhausted', null)
  shortages.note('exhausted', TO)
  expect(told[1]?.[0]).toBe('descriptors-exhausted')
  expect(told[1]?.[1]).toMatch(/^no descriptor .* for connections: raise /)
  nowMs += MINUTE_MS
  shortages.note('portless', TO)
  expect(told.map(([event]) => event)).toEqual([
    'ports-exhausted',
    'descriptors-exhausted',
    'ports-exhausted',
  ])
})
