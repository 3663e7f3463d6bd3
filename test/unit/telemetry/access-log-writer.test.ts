import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { AccessLogWriter, LOG_BUFFER_BYTES } from '../../../src/telemetry/access-log-writer.ts'
import { openFileSink } from '../../../src/telemetry/open-sinks.ts'
import { httpRecord } from './log-records.ts'

const LINE = /^127\.0\.0\.1:53016 \[.*\] fe be\/s1 .* "GET \/\d+\/x* HTTP\/1\.1"$/

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-log-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

function writerTo(path: string): AccessLogWriter {
  const sink = openFileSink(path)
  onTestFinished(() => closeSync(sink.fd))
  return new AccessLogWriter(sink)
}

function log(writer: AccessLogWriter, from: number, to: number, padding = ''): void {
  const record = httpRecord()
  for (let n = from; n < to; n++) {
    record.request = `GET /${n}/${padding} HTTP/1.1`
    writer.http(record)
  }
}

/** The numbers of the logged requests; every line must be whole. */
function numbersIn(text: string): number[] {
  if (text === '') return []
  expect(text.endsWith('\n')).toBe(true)
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => {
      expect(line).toMatch(LINE)
      return Number(/GET \/(\d+)/.exec(line)?.[1])
    })
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

describe('a file', () => {
  it('gets every line, in order, with HTTP and TCP mixed', async () => {
    const path = join(folder, 'access.log')
    const writer = writerTo(path)
    log(writer, 0, 100)
    writer.tcp(httpRecord({ backend: 'tcp' }))
    await writer.close()
    const lines = readFileSync(path, 'latin1').split('\n')
    expect(numbersIn(`${lines.slice(0, 100).join('\n')}\n`)).toEqual(range(0, 100))
    expect(lines[100]).toContain(' fe tcp/s1 1/2/6 53 -- ')
    expect(lines.slice(101)).toEqual([''])
    expect(writer.droppedTotal).toBe(0)
  })

  it('is not readable by others', async () => {
    const path = join(folder, 'access.log')
    await writerTo(path).close()
    expect(statSync(path).mode & 0o007).toBe(0)
  })

  it('gets lines without further ones pushing them', async () => {
    const path = join(folder, 'access.log')
    const writer = writerTo(path)
    log(writer, 0, 1)
    await vi.waitFor(() => expect(numbersIn(readFileSync(path, 'latin1'))).toEqual([0]))
    log(writer, 1, 2)
    await vi.waitFor(() => expect(numbersIn(readFileSync(path, 'latin1'))).toEqual([0, 1]))
    await writer.close()
  })

  it('gets much in order, and counts what it loses', async () => {
    const path = join(folder, 'access.log')
    const writer = writerTo(path)
    for (let n = 0; n < 20_000; n += 100) {
      log(writer, n, n + 100)
      await new Promise<void>((resolve) => setTimeout(resolve))
    }
    await writer.close()
    const numbers = numbersIn(readFileSync(path, 'latin1'))
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    expect(new Set(numbers).size + writer.droppedTotal).toBe(20_000)
  })

  it('loses lines, counted, when there is no turn to write them in', async () => {
    const path = join(folder, 'access.log')
    const writer = writerTo(path)
    log(writer, 0, 20_000)
    await writer.close()
    const numbers = numbersIn(readFileSync(path, 'latin1'))
    expect(writer.droppedTotal).toBeGreaterThan(0)
    expect(numbers).toEqual(range(0, 20_000 - writer.droppedTotal))
    expect(statSync(path).size).toBeLessThanOrEqual(2 * LOG_BUFFER_BYTES)
  })

  it('is shared by several writers without mixing their lines', async () => {
    const path = join(folder, 'access.log')
    const writers = range(0, 4).map(() => writerTo(path))
    for (const [i, writer] of writers.entries()) log(writer, i * 100, i * 100 + 100)
    await Promise.all(writers.map((writer) => writer.close()))
    const numbers = numbersIn(readFileSync(path, 'latin1'))
    expect(numbers.toSorted((a, b) => a - b)).toEqual(range(0, 400))
  })

  it('that refuses the bytes costs the lines, counted, and nothing else', async () => {
    const writer = writerTo('/dev/full')
    log(writer, 0, 10)
    await writer.close()
    expect(writer.droppedTotal).toBe(10)
    expect(writer.takeLoss()).toEqual({ lines: 10, reason: expect.stringContaining('ENOSPC') })
    expect(writer.takeLoss()).toBeNull()
  })
})

describe('a pipe', () => {
  let path: string
  let reader: number

  beforeEach(() => {
    path = join(folder, 'pipe')
    execFileSync('mkfifo', [path])
    reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  })

  afterEach(() => {
    closeSync(reader)
  })

  /** What the pipe holds now, or the first of it. */
  function readPipe(bytesMax = Number.POSITIVE_INFINITY): string {
    const chunk = Buffer.alloc(65_536)
    let text = ''
    while (text.length < bytesMax) {
      try {
        const length = readSync(reader, chunk, 0, Math.min(chunk.length, bytesMax), null)
        if (length === 0) break
        text += chunk.toString('latin1', 0, length)
      } catch {
        break
      }
    }
    return text
  }

  it('gets whole lines from several writers while its reader is slow', async () => {
    const writers = [0, 1].map(() => writerTo(path))
    let text = ''
    for (let n = 0; n < 3000; n += 10) {
      for (const [i, writer] of writers.entries()) {
        log(writer, i * 3000 + n, i * 3000 + n + 10, 'x'.repeat(n / 10))
      }
      // The reader takes less than comes, so that the pipe is full most of the time.
      if (n % 50 === 0) text += readPipe(8000)
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    const closed = Promise.all(writers.map((writer) => writer.close()))
    let open = true
    void closed.then(() => {
      open = false
    })
    while (open) {
      text += readPipe(8000)
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    text += readPipe()
    const numbers = numbersIn(text)
    const dropped = writers.reduce((sum, writer) => sum + writer.droppedTotal, 0)
    expect(numbers.length + dropped).toBe(6000)
    expect(new Set(numbers).size).toBe(numbers.length)
    expect(numbers.length).toBeGreaterThan(100)
  })

  it('whose reader hangs costs lines, and does not keep close waiting for ever', async () => {
    const writer = writerTo(path)
    log(writer, 0, 5000)
    await writer.close()
    const numbers = numbersIn(readPipe())
    expect(numbers).toEqual(range(0, numbers.length))
    expect(numbers.length + writer.droppedTotal).toBe(5000)
  })

  it('whose reader has gone costs lines only', async () => {
    const writer = writerTo(path)
    closeSync(reader)
    log(writer, 0, 50)
    await writer.close()
    expect(writer.droppedTotal).toBe(50)
    reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  })
})

describe('a log that is off', () => {
  it('takes records and writes nothing', async () => {
    const writer = new AccessLogWriter(null)
    expect(writer.isOff).toBe(true)
    log(writer, 0, 10)
    await writer.close()
    expect(writer.droppedTotal).toBe(0)
  })
})

describe('close', () => {
  it('may be called twice, and ends the log', async () => {
    const path = join(folder, 'access.log')
    const writer = writerTo(path)
    log(writer, 0, 1)
    await writer.close()
    await writer.close()
    log(writer, 1, 2)
    expect(numbersIn(readFileSync(path, 'latin1'))).toEqual([0])
    expect(existsSync(path)).toBe(true)
  })
})
