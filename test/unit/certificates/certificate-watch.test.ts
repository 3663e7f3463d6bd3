import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { CertificateWatch } from '../../../src/certificates/certificate-watch.ts'
import type { Plan } from '../../../src/model/plan.ts'
import { type RecordedLine, recordedLog } from '../supervisor/recorded-log.ts'

const DAY_MS = 86_400_000

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
})

afterEach(() => {
  vi.useRealTimers()
})

/** A plan whose certificates, by file, end so many days from the beginning. */
function planWith(days: Readonly<Record<string, number>>): Pick<Plan, 'frontends'> {
  const certificates = Object.entries(days).map(([path, end]) => ({
    path,
    names: ['a.example'],
    notAfterMs: end * DAY_MS,
  }))
  const listeners = [{ tls: { certificates } }, { tls: null }, { tls: { certificates } }]
  return { frontends: [{ listeners }] } as unknown as Plan
}

it('tells of each certificate once a day, from 14 days before its end and after it', () => {
  const said: RecordedLine[] = []
  const log = recordedLog(said)
  const watch = new CertificateWatch(log, () => Date.now())
  const count = (): number => said.splice(0).length
  watch.follow(planWith({ '/c/late.pem': 16.5, '/c/soon.pem': 3.5 }))
  expect(said.splice(0)).toMatchObject([
    { level: 'warn', event: 'certificate-expiring', fields: { file: '/c/soon.pem', daysLeft: 3 } },
  ])
  vi.advanceTimersByTime(0.4 * DAY_MS)
  expect(count()).toBe(0)
  vi.advanceTimersByTime(DAY_MS)
  expect(count()).toBe(1)
  // By then the other one has 14 days.
  vi.advanceTimersByTime(DAY_MS)
  expect(count()).toBe(2)
  watch.follow(planWith({ '/c/late.pem': 16.5, '/c/soon.pem': 90 }))
  expect(count()).toBe(0)
  watch.stop()
  vi.advanceTimersByTime(30 * DAY_MS)
  expect(count()).toBe(0)
})

it('says of one that has ended that it has', () => {
  const said: RecordedLine[] = []
  const watch = new CertificateWatch(recordedLog(said), () => Date.now())
  vi.setSystemTime(2 * DAY_MS)
  watch.follow(planWith({ '/c/old.pem': 1.5 }))
  const [line] = said
  expect(line?.message).toContain('/c/old.pem has expired, 1970-01-02T12:00:00.000Z')
  watch.stop()
})
