import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SluiceError } from '../../../../src/base/errors.ts'
import { NameResolution } from '../../../../src/discovery/name-resolution.ts'
import { answerText } from '../../../../src/http/h1/head-text.ts'
import type { Config, ErrorAnswerConfig } from '../../../../src/model/config.ts'
import type { PlannedErrorAnswer } from '../../../../src/model/plan.ts'
import { readErrorAnswer } from '../../../../src/supervisor/preparation/error-answer-files.ts'
import { answersOf, gather } from '../../../../src/supervisor/preparation/gathering.ts'
import { recordedLog } from '../recorded-log.ts'

const BUFSIZE_BYTES = 1000

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-test-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

/** Writes a file and returns its path. */
function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text, 'latin1')
  return path
}

function section(name: string, ...errorAnswers: ErrorAnswerConfig[]) {
  return { name, errorAnswers }
}

function file(status: number, path: string): ErrorAnswerConfig {
  return { status, source: { kind: 'file', path } }
}

function rule(status: number, text: string): ErrorAnswerConfig {
  return { status, source: { kind: 'rule', rule: text } }
}

const TUNE = { bufsizeBytes: BUFSIZE_BYTES, maxrewriteBytes: 100, httpMaxhdr: 101 }

/** Reads the answers of one frontend and one backend, as far as a config matters to that. */
async function read(frontend: ReturnType<typeof section>, backend = section('app')) {
  const config = {
    global: { tune: TUNE },
    frontends: [{ ...frontend, binds: [] }],
    backends: [{ ...backend, servers: [] }],
  } as unknown as Config
  const { gathered } = await gather(config, new NameResolution({ log: recordedLog([]) }))
  return ({ errorAnswers }: ReturnType<typeof section>) => answersOf(gathered, errorAnswers)
}

/** The one answer of a frontend. */
async function answerOf(answer: ErrorAnswerConfig): Promise<string | undefined> {
  const web = section('web', answer)
  return texts((await read(web))(web))[0]?.text
}

/** The answers as a client in HTTP/1.1 is given them whose connection closes. */
function texts(planned: readonly PlannedErrorAnswer[]) {
  return planned.map(({ status, answer }) => ({ status, text: answerText(answer, 'close', false) }))
}

async function refusalOf(answer: ErrorAnswerConfig): Promise<string> {
  const reading = readErrorAnswer(answer, `status ${answer.status} of frontend web`, TUNE as never)
  const error: unknown = await reading.catch((cause: unknown) => cause)
  return error instanceof SluiceError ? `${error.code}: ${error.message}` : 'none'
}

describe('error answers', () => {
  it('are made ready for every section', async () => {
    const path = write('503.http', 'HTTP/1.0 503 Sorry\nX: y\n\n<p>\n')
    const web = section('web', file(503, path), rule(404, ''))
    const app = section('app', file(502, path))
    const answersFor = await read(web, app)
    const sorry =
      'HTTP/1.0 503 Sorry\r\nContent-Length: 4\r\nX: y\r\nConnection: close\r\n\r\n<p>\n'
    expect(texts(answersFor(web))).toEqual([
      { status: 503, text: sorry },
      {
        status: 404,
        text: 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
      },
    ])
    expect(texts(answersFor(app))).toEqual([{ status: 502, text: sorry }])
    expect(answersFor(section('none'))).toEqual([])
  })

  it('may be the text of a rule', async () => {
    const text = 'content-type "text/plain; charset=utf-8" string "Désolé\\n" hdr Retry-After 10'
    expect(await answerOf(rule(503, text))).toBe(
      'HTTP/1.1 503 Service Unavailable\r\n' +
        'Content-Length: 9\r\n' +
        'Content-Type: text/plain; charset=utf-8\r\n' +
        'Retry-After: 10\r\n' +
        'Connection: close\r\n' +
        '\r\n' +
        'D\xc3\xa9sol\xc3\xa9\n',
    )
  })

  it('may have a file for their body, byte by byte', async () => {
    const path = write('séjour.bin', '\r\n\0\xff')
    expect(await answerOf(rule(403, `content-type a/b file "${path}"`))).toBe(
      'HTTP/1.1 403 Forbidden\r\n' +
        'Content-Length: 4\r\n' +
        'Content-Type: a/b\r\n' +
        'Connection: close\r\n' +
        '\r\n' +
        '\r\n\0\xff',
    )
  })

  it('have no type where the file is empty', async () => {
    const path = write('empty', '')
    expect(await answerOf(rule(403, `content-type a/b file ${path}`))).toBe(
      'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    )
  })

  it('may be a whole file that a rule names, and nothing at all', async () => {
    const path = write('408.http', 'HTTP/1.1 408 Late\r\n\r\n')
    expect(await answerOf(rule(408, `errorfile ${path}`))).toMatch(/^HTTP\/1\.1 408 Late\r\n/)
    expect(await answerOf(file(408, '/dev/null'))).toBe('')
    expect(await answerOf(rule(408, 'errorfile /dev/null'))).toBe('')
  })

  it('are at most as long as a buffer', async () => {
    const start = 'HTTP/1.1 503 Sorry\r\n\r\n'
    const fits = write('fits', start.padEnd(BUFSIZE_BYTES, 'x'))
    const exceeds = write('exceeds', start.padEnd(BUFSIZE_BYTES + 1, 'x'))
    const limit = `is longer than global.tune.bufsize, ${BUFSIZE_BYTES} bytes`
    expect(await answerOf(file(503, fits))).toMatch(/x$/)
    expect(await refusalOf(file(503, exceeds))).toBe(
      `error-answer-invalid: the answer to status 503 of frontend web: ${exceeds} ${limit}`,
    )
    expect(await refusalOf(rule(503, `content-type a/b file ${exceeds}`))).toContain(limit)
    expect(await refusalOf(rule(503, `content-type a/b file ${fits}`))).toContain(limit)
    const long = 'x'.repeat(BUFSIZE_BYTES)
    expect(await refusalOf(rule(503, `content-type a/b string ${long}`))).toContain(limit)
    expect(await refusalOf(file(503, '/dev/zero'))).toContain(limit)
  })

  it('are refused with their path where they are no response', async () => {
    const path = write('503.html', '<html>')
    expect(await refusalOf(file(503, path))).toBe(
      `error-answer-invalid: the answer to status 503 of frontend web: ${path} is no HTTP response: no empty line ends its headers`,
    )
  })

  it('are refused with their path where they cannot be read', async () => {
    const missing = join(folder, 'missing.http')
    const subfolder = join(folder, 'subfolder')
    const pipe = join(folder, 'pipe')
    mkdirSync(subfolder)
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0)
    for (const path of [missing, subfolder, pipe]) {
      const refusal = `error-answer-unreadable: the answer to status 503 of frontend web: cannot read ${path}: `
      expect(await refusalOf(file(503, path))).toContain(refusal)
      expect(await refusalOf(rule(503, `content-type a/b file ${path}`))).toContain(refusal)
      expect(await refusalOf(rule(503, `errorfile ${path}`))).toContain(refusal)
    }
    expect(await refusalOf(file(503, missing))).toContain('ENOENT')
  })
})
