import { describe, expect, it } from 'vitest'
import {
  ErrorAnswers,
  errorAnswer,
  errorAnswersOf,
} from '../../../../src/http/answers/error-answers.ts'
import { localAnswerText } from '../../../../src/http/answers/local-answer.ts'
import { BODY_LENGTH } from '../../../../src/http/body.ts'
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
    expect(errorAnswer(503, false)).toBe(
      'HTTP/1.1 503 Service Unavailable\r\n' +
        'Content-Length: 107\r\n' +
        'Cache-Control: no-cache\r\n' +
        'Connection: close\r\n' +
        'Content-Type: text/html\r\n' +
        '\r\n' +
        '<html><body><h1>503 Service Unavailable</h1>\n' +
        'No server is available to handle this request.\n' +
        '</body></html>\n',
    )
  })

  it.each(STATUSES)('%i is a whole message of its status', (status) => {
    const view = Buffer.from(errorAnswer(status, false), 'latin1')
    const head = new ResponseHead(DEFAULT_HEAD_LIMITS)
    const used = parseResponseHead(view, 0, view.length, 'GET', head)
    expect(head).toMatchObject({ status, body: BODY_LENGTH, persistent: false })
    expect(head.contentLength).toBe(view.length - used)
    expect(errorAnswer(status, true)).toBe(head.text)
  })

  it('is there for every reject, and 500 for what has none', () => {
    const used = new Set([...REJECTS.map(({ status }) => status), RESPONSE_REJECT_STATUS])
    expect([...used].filter((status) => !STATUSES.includes(status))).toEqual([])
    expect(errorAnswer(599, false)).toBe(errorAnswer(500, false))
  })
})

describe('the answers of a section', () => {
  const head = 'HTTP/1.1 503 Sorry\r\nContent-Length: 5\r\nConnection: close\r\n\r\n'
  const answers = errorAnswersOf([
    { status: 503, response: `${head}a\r\n\r\n` },
    { status: 408, response: '' },
  ])

  it('are given in the place of the standard ones', () => {
    expect(answers.find(503, false)).toBe(`${head}a\r\n\r\n`)
    expect(answers.text(503, false)).toBe(`${head}a\r\n\r\n`)
  })

  it('are given to HEAD without their body', () => {
    expect(answers.find(503, true)).toBe(head)
    expect(answers.text(503, true)).toBe(head)
  })

  it('may tell a client nothing, which is an answer too', () => {
    expect(answers.find(408, false)).toBe('')
    expect(answers.text(408, false)).toBe('')
    expect(answers.text(408, true)).toBe('')
  })

  it('leave all other statuses as they are', () => {
    expect(answers.find(502, false)).toBeNull()
    expect(answers.text(502, false)).toBe(errorAnswer(502, false))
    expect(answers.text(502, true)).toBe(errorAnswer(502, true))
  })

  it('cost nothing where there are none', () => {
    expect(errorAnswersOf([])).toBe(errorAnswersOf([]))
    expect(errorAnswersOf([])).toBeInstanceOf(ErrorAnswers)
    expect(errorAnswersOf([]).find(503, false)).toBeNull()
  })

  it.each(STATUSES)('name the reason of %i where a rule gives them', (status) => {
    const text = localAnswerText({ status, lines: '', body: '' }, 'close', false)
    expect(text).toMatch(/^HTTP\/1\.1 \d{3} (?!Other)[A-Z]/)
  })
})
