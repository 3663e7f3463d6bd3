import { expect, it } from 'vitest'
import { HandshakeFailures } from '../../../../src/worker/servers/handshake-failures.ts'

it('says each server and reason once while it lasts, and again after a minute of quiet', () => {
  const told: string[] = []
  const failures = new HandshakeFailures((server, reason) => told.push(`${server}: ${reason}`))
  for (const nowMs of [0, 10_000, 50_000]) {
    failures.note('app/a', 'expired', nowMs)
    failures.sweep(nowMs)
  }
  failures.note('app/a', 'other', 50_000)
  failures.note('app/b', 'expired', 50_000)
  expect(told).toEqual(['app/a: expired', 'app/a: other', 'app/b: expired'])
  failures.sweep(109_999)
  failures.note('app/a', 'expired', 109_999)
  expect(told).toHaveLength(3)
  failures.sweep(169_999)
  failures.note('app/a', 'expired', 169_999)
  expect(told).toHaveLength(4)
})

it('knows a bounded number', () => {
  const told: string[] = []
  const failures = new HandshakeFailures((server) => told.push(server))
  for (let n = 0; n < 2_000; n++) failures.note(`app/s${n}`, 'expired', 0)
  expect(told).toHaveLength(1024)
})
