import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SluiceError } from '../../../src/base/errors.ts'
import type { LogSink } from '../../../src/model/log-sink.ts'
import { type DaemonLog, openDaemonLog } from '../../../src/telemetry/daemon-log.ts'
import { openFileSink, openStandardSink } from '../../../src/telemetry/open-sinks.ts'

let folder: string
let path: string
let sink: LogSink
let log: DaemonLog

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-log-'))
  path = join(folder, 'daemon.log')
  sink = openFileSink(path)
  log = openDaemonLog('info', sink)
})

afterEach(() => {
  closeSync(sink.fd)
  rmSync(folder, { recursive: true })
})

function lines(): string[] {
  return readFileSync(path, 'utf8').split('\n').slice(0, -1)
}

function events(): Record<string, unknown>[] {
  return lines().map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('a line', () => {
  it('of a cluster says which node wrote it', () => {
    openDaemonLog('info', sink, 'lb2').info('started', 'serving')
    expect(events()).toMatchObject([{ node: 'lb2', event: 'started' }])
  })

  it('is one JSON object with level, time, event, fields and message', () => {
    const beforeMs = Date.now()
    log.warn('server-down', 'server app/app1 is down', { server: 'app/app1', checkDurationMs: 3 })
    const [event] = events()
    expect(Object.keys(event ?? {})).toEqual([
      'level',
      'time',
      'event',
      'server',
      'checkDurationMs',
      'message',
    ])
    expect(event).toMatchObject({
      level: 'warn',
      event: 'server-down',
      server: 'app/app1',
      checkDurationMs: 3,
      message: 'server app/app1 is down',
    })
    expect(event?.['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(Date.parse(String(event?.['time']))).toBeGreaterThanOrEqual(beforeMs)
  })

  it('stays one line whatever is in it', () => {
    log.info('odd', 'a\nb\r\u2028"\\', { field: '\n{}\u0000', list: ['\n'] })
    expect(lines()).toHaveLength(1)
    expect(events()[0]).toMatchObject({ message: 'a\nb\r\u2028"\\', field: '\n{}\u0000' })
  })

  it('has what is known of an error, and of its cause', () => {
    const error = new SluiceError('bind-failed', 'cannot bind :80', new TypeError('EACCES'))
    log.error('bind-failed', error.message, { error })
    expect(events()[0]?.['error']).toMatchObject({
      code: 'bind-failed',
      source: 'operator',
      hint: error.hint,
      message: 'cannot bind :80: EACCES',
      stack: expect.stringContaining('daemon-log.test'),
    })
  })

  it('never shows a secret', () => {
    const secret = 's3cr3t'
    log.info('started', 'started', {
      token: secret,
      admin: { token: secret, password: secret, name: 'a' },
      peers: { lb1: { secret, key: secret, authorization: secret } },
    })
    expect(lines()[0]).not.toContain(secret)
    expect(events()[0]).toMatchObject({ admin: { name: 'a', token: '[Redacted]' } })
  })
})

describe('levels', () => {
  it.each([
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    ['warn', ['warn', 'error']],
    ['error', ['error']],
  ] as const)('from %s on', (level, written) => {
    log.setLevel(level)
    for (const method of ['debug', 'info', 'warn', 'error'] as const) log[method]('e', 'm')
    expect(events().map((event) => event['level'])).toEqual(written)
  })
})

describe('a sink that refuses', () => {
  it('costs lines, not the daemon', () => {
    const full = openFileSink('/dev/full')
    const lost = openDaemonLog('info', full)
    expect(() => lost.error('e', 'm')).not.toThrow()
    closeSync(full.fd)
  })

  it('does not hold the daemon up when it is a pipe that nobody reads', () => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
    const piped = openFileSink(pipe)
    const stuck = openDaemonLog('info', piped)
    // More than any pipe holds (fcntl(2), F_GETPIPE_SZ: 64 KiB, at most 1 MiB unprivileged).
    for (let n = 0; n < 2000; n++) stuck.info('e', 'm', { n, padding: 'x'.repeat(1000) })
    const chunk = Buffer.alloc(2_000_000)
    const length = readSync(reader, chunk)
    const kept = chunk.toString('utf8', 0, length).split('\n').slice(0, -1)
    expect(kept.map((line) => (JSON.parse(line) as { n: number }).n)).toEqual(kept.map((_, n) => n))
    expect(kept.length).toBeGreaterThan(10)
    closeSync(reader)
    closeSync(piped.fd)
  })
})

describe('a standard descriptor', () => {
  it('is used itself, or opened anew when it is a pipe', () => {
    const standard = openStandardSink(2)
    expect(standard.isOwned).toBe(standard.fd !== 2)
    expect(standard.isBlocking).toBe(!standard.isOwned)
    if (standard.isOwned) closeSync(standard.fd)
  })
})
