import { describe, expect, it } from 'vitest'
import {
  ErrorAnswers,
  errorAnswer,
  errorAnswersOf,
} from '../../../../src/http/answers/error-answers.ts'
import { localAnswer } from '../../../../src/http/answers/local-answer.ts'
import { BODY_LENGTH } from '../../../../src/http/body.ts'
import { answerText } from '../../../../src/http/h1/head-text.ts'
import { parseResponseHead } from '../../../../src/http/h1/response-parser.ts'
import { DEFAULT_HEAD_LIMITS } from '../../../../src/http/limits.ts'
import { REJECTS, RESPONSE_REJECT_STATUS } from '../../../../src/http/rejects.ts'
import { ResponseHead } from '../../../../src/http/response-head.ts'

const STATUSES = [
  ...[200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431],
  ...[500, 501, 502, 503, 504, 505],
]

describe('an error answer', () => {
  it('is the page that HAProxy sends', () => {
    expect(answerText(errorAnswer(503), 'close', false)).toBe(
      'HTTP/1.1 503 Service Unavailable\r\n' +
        'Content-Length: 107\r\n' +
        'Cache-Control: no-cache\r\n' +
        'Content-Type: text/html\r\n' +
        'Connection: close\r\n' +
        '\r\n' +
        '<html><body><h1>503 Service Unavailable</h1>\n' +
        'No server is available to handle this request.\n' +
        '</body></html>\n',
    )
  })

  it.each(STATUSES)('%i is a whole message of its status', (status) => {
    const view = Buffer.from(answerText(errorAnswer(status), 'close', false), 'latin1')
    const head = new ResponseHead(DEFAULT_HEAD_LIMITS)
    const used = parseResponseHead(view, 0, view.length, 'GET', head)
    expect(head).toMatchObject({ status, body: BODY_LENGTH, persistent: false })
    expect(head.contentLength).toBe(view.length - used)
    expect(answerText(errorAnswer(status), 'close', true)).toBe(head.text)
  })

  it('is there for every reject, and 500 for what has none', () => {
    const used = new Set([...REJECTS.map(({ status }) => status), RESPONSE_REJECT_STATUS])
    expect([...used].filter((status) => !STATUSES.includes(status))).toEqual([])
    expect(errorAnswer(599)).toBe(errorAnswer(500))
  })
})

describe('the answers of a section', () => {
  const sorry = { ...localAnswer(503, 'X: y\r\n', 'a\r\n\r\n'), reason: 'Sorry' }
  const silence = { ...localAnswer(408, '', ''), isSilent: true }
  const answers = errorAnswersOf([
    { status: 503, answer: sorry },
    { status: 408, answer: silence },
  ])

  it('are given in the place of the standard ones', () => {
    expect(answers.find(503)).toBe(sorry)
    expect(answers.answer(503)).toBe(sorry)
  })

  it('leave all other statuses as they are', () => {
    expect(answers.find(502)).toBeNull()
    expect(answers.answer(502)).toBe(errorAnswer(502))
  })

  it('cost nothing where there are none', () => {
    expect(errorAnswersOf([])).toBe(errorAnswersOf([]))
    expect(errorAnswersOf([])).toBeInstanceOf(ErrorAnswers)
    expect(errorAnswersOf([]).find(503)).toBeNull()
  })

  it.each(STATUSES)('name the reason of %i where a rule gives them', (status) => {
    expect(localAnswer(status, '', '').reason).toMatch(/^(?!Other)[A-Z]/)
  })
})

describe('an answer of our own in HTTP/1', () => {
  const sorry = { ...localAnswer(503, 'X: y\r\n', 'a\r\n\r\n'), reason: 'Sorry' }
  const head = 'HTTP/1.1 503 Sorry\r\nContent-Length: 5\r\nX: y\r\n'

  it('says of its connection what is true', () => {
    expect(answerText(sorry, '', false)).toBe(`${head}\r\na\r\n\r\n`)
    expect(answerText(sorry, 'close', false)).toBe(`${head}Connection: close\r\n\r\na\r\n\r\n`)
    const kept = 'Connection: keep-alive\r\n'
    expect(answerText(sorry, 'keep-alive', false)).toBe(`${head}${kept}\r\na\r\n\r\n`)
    // Of a response in HTTP/1.0 nobody expects that its connection stays.
    const old = { ...sorry, minorVersion: 0 }
    expect(answerText(old, '', true)).toBe(`${head.replace('1.1', '1.0')}${kept}\r\n`)
    expect(answerText(old, 'close', true)).toContain('\r\nConnection: close\r\n')
  })

  it('has no body for HEAD, and the head of the answer to GET', () => {
    expect(answerText(sorry, '', true)).toBe(`${head}\r\n`)
  })

  it.each([204, 304])('has neither length nor body with %i', (status) => {
    const text = answerText(localAnswer(status, '', 'x'), '', false)
    expect(text).toMatch(/^HTTP\/1\.1 \d{3} [A-Za-z ]+\r\n\r\n$/)
  })

  it('may tell a client nothing', () => {
    const silence = { ...sorry, isSilent: true }
    expect([answerText(silence, '', false), answerText(silence, 'close', true)]).toEqual(['', ''])
  })
})
