import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { AccessLogOutput } from '../../../src/supervisor/access-log-output.ts'
import { AccessLogWriter } from '../../../src/telemetry/access-log-writer.ts'
import { temporaryFolder } from '../../e2e/support/temporary-folder.ts'
import { httpRecord } from '../telemetry/log-records.ts'
import { type RecordedLine, recordedLog } from './recorded-log.ts'

let lines: RecordedLine[]

beforeEach(() => {
  lines = []
})

afterEach(() => {
  vi.useRealTimers()
})

function outputTo(path: string): AccessLogOutput {
  const output = new AccessLogOutput({ to: 'file', path }, recordedLog(lines))
  onTestFinished(() => output.close())
  return output
}

function log(writer: AccessLogWriter, from: number, to: number): void {
  for (let n = from; n < to; n++) writer.http(httpRecord({ request: `GET /${n} HTTP/1.1` }))
}

function numbersIn(path: string): number[] {
  const text = readFileSync(path, 'latin1')
  return [...text.matchAll(/"GET \/(\d+) HTTP\/1\.1"\n/g)].map(([, digits]) => Number(digits))
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

it('is one file for all writers, opened anew under them after a rotation, and no line is lost', async () => {
  const path = join(temporaryFolder(), 'access.log')
  const output = outputTo(path)
  const writers = [0, 1].map(() => new AccessLogWriter(output.sink))
  for (const [n, writer] of writers.entries()) log(writer, n * 2000, n * 2000 + 600)
  renameSync(path, `${path}.1`)
  output.reopen()
  for (const [n, writer] of writers.entries()) log(writer, n * 2000 + 600, n * 2000 + 700)
  await Promise.all(writers.map((writer) => writer.close()))
  const after = numbersIn(path)
  const all = [...numbersIn(`${path}.1`), ...after].sort((a, b) => a - b)
  expect(all).toEqual([...range(0, 700), ...range(2000, 2700)])
  expect(after).toContain(699)
  expect(after).toContain(2699)
  expect(lines).toEqual([])
})

it('goes on in the old file where the new one cannot be opened, and says so', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'sub'))
  const output = outputTo(join(folder, 'sub', 'access.log'))
  const writer = new AccessLogWriter(output.sink)
  renameSync(join(folder, 'sub'), join(folder, 'moved'))
  output.reopen()
  log(writer, 0, 3)
  await writer.close()
  expect(numbersIn(join(folder, 'moved', 'access.log'))).toEqual([0, 1, 2])
  expect(lines).toMatchObject([{ level: 'warn', event: 'log-unwritable' }])
  expect(lines[0]?.message).toMatch(/goes on in the old file: .*ENOENT/)
})

it('goes on in the old file where a pipe has taken its place', async () => {
  const path = join(temporaryFolder(), 'access.log')
  const output = outputTo(path)
  renameSync(path, `${path}.1`)
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  onTestFinished(() => closeSync(reader))
  output.reopen()
  const writer = new AccessLogWriter(output.sink)
  log(writer, 0, 3)
  await writer.close()
  expect(numbersIn(`${path}.1`)).toEqual([0, 1, 2])
  expect(lines).toMatchObject([{ event: 'log-unwritable' }])
})

it('that cannot be opened is refused with a code', () => {
  const path = join(temporaryFolder(), 'missing', 'access.log')
  expect(() => outputTo(path)).toThrowError(expect.objectContaining({ code: 'log-unwritable' }))
})

it('of which nothing is wanted is none, whatever is asked of it', () => {
  const output = new AccessLogOutput({ to: 'off' }, recordedLog(lines))
  expect(output.sink).toBeNull()
  output.reopen()
  output.close()
  expect(lines).toEqual([])
})

it('tells of lost lines at the end that have not been told of', () => {
  const output = new AccessLogOutput({ to: 'file', path: '/dev/null' }, recordedLog(lines))
  output.lost({ lines: 2, reason: 'ENOSPC' })
  output.lost({ lines: 3, reason: 'EPIPE' })
  output.close()
  expect(lines.map(({ fields }) => fields)).toEqual([
    { lines: 2, lostTotal: 2 },
    { lines: 3, lostTotal: 5 },
  ])
})

it('tells of lost lines at once, and then of all together every ten seconds', () => {
  vi.useFakeTimers()
  const output = outputTo('/dev/null')
  output.lost({ lines: 2, reason: 'ENOSPC' })
  output.lost({ lines: 3, reason: 'ENOSPC' })
  output.lost({ lines: 4, reason: 'EPIPE' })
  expect(lines).toMatchObject([
    { level: 'warn', event: 'log-lines-lost', fields: { lines: 2, lostTotal: 2 } },
  ])
  vi.advanceTimersByTime(10_000)
  expect(lines).toHaveLength(2)
  expect(lines[1]).toMatchObject({ fields: { lines: 7, lostTotal: 9 } })
  expect(lines[1]?.message).toContain('EPIPE')
  vi.advanceTimersByTime(60_000)
  expect(lines).toHaveLength(2)
  output.lost({ lines: 1, reason: 'EPIPE' })
  expect(lines).toHaveLength(3)
  expect(output.lostTotal).toBe(10)
})
