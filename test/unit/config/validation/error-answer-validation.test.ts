import { describe, expect, it } from 'vitest'
import { ANSWER_STATUSES } from '../../../../src/config/values/answer-statuses.ts'
import { errorAnswer } from '../../../../src/http/answers/error-answers.ts'
import { validateHttpError } from '../../../../src/rules/actions/http-error.ts'
import { configOf, load } from '../loading.ts'

describe('the statuses whose answer can be replaced', () => {
  it('are those that there is a standard answer for', () => {
    const all = Array.from({ length: 500 }, (_, i) => 100 + i)
    const answered = all.filter((status) => errorAnswer(status).status === status)
    expect(ANSWER_STATUSES).toEqual(answered)
  })

  it.each(ANSWER_STATUSES)('are taken by both keywords: %i', (status) => {
    const { frontends } = configOf(`
defaults: {mode: http}
frontends:
  file: {bind: ":1", errorfile: {${status}: /a/b.http}}
  rule: {bind: ":2", http-error: ["status ${status} string x"]}
`)
    expect(frontends.map(({ errorAnswers }) => errorAnswers)).toEqual([
      [{ status, source: { kind: 'file', path: '/a/b.http' } }],
      [{ status, source: { kind: 'rule', rule: 'string x' } }],
    ])
  })
})

describe('error answers', () => {
  it('are inherited status by status, whatever the keyword', () => {
    const { frontends, backends } = configOf(`
defaults:
  mode: http
  errorfile: {503: /d/503.http, 400: /d/400.http}
  http-error: ["status 504 string late", "status 408 string slow"]
frontends:
  own:
    bind: ":1"
    errorfile: {504: /f/504.http}
    http-error: ["status 503 string out"]
    default_backend: app
  inherits: {bind: ":2"}
  raw: {mode: tcp, bind: ":3"}
backends:
  app: {errorfile: {502: /b/502.http, 503: /b/503.http}, servers: {a: "h:1"}}
  raw: {mode: tcp, servers: {a: "h:1"}}
`)
    const file = (status: number, path: string) => ({ status, source: { kind: 'file', path } })
    const rule = (status: number, text: string) => ({
      status,
      source: { kind: 'rule', rule: text },
    })
    const [own, inherits, raw] = frontends
    expect(own?.errorAnswers).toEqual([
      file(400, '/d/400.http'),
      rule(408, 'string slow'),
      rule(503, 'string out'),
      file(504, '/f/504.http'),
    ])
    expect(inherits?.errorAnswers).toEqual([
      file(400, '/d/400.http'),
      rule(408, 'string slow'),
      file(503, '/d/503.http'),
      rule(504, 'string late'),
    ])
    expect(backends[0]?.errorAnswers).toEqual([
      file(400, '/d/400.http'),
      rule(408, 'string slow'),
      file(502, '/b/502.http'),
      file(503, '/b/503.http'),
      rule(504, 'string late'),
    ])
    expect([raw?.errorAnswers, backends[1]?.errorAnswers]).toEqual([[], []])
  })

  it('of one section may not be given twice', () => {
    const { diagnostics } = load(`
defaults: {mode: http, http-error: ["status 503 string a", "status 503 string b"]}
frontends: {web: {bind: ":1", http-error: ["status 404 string a"], errorfile: {404: /a}}}
`)
    const message = (status: number): string => `the answer to status ${status} is given twice`
    const expected = { severity: 'error', code: 'duplicate-key' }
    expect(diagnostics).toMatchObject([
      { ...expected, message: message(503), line: 2, col: 68, endCol: 71 },
      { ...expected, message: message(404), line: 3, col: 80, endCol: 83 },
    ])
  })
})

describe('a line of http-error', () => {
  it('is read in the language of rules', () => {
    const text = `
defaults: {mode: http}
frontends:
  web:
    bind: ":1"
    default_backend: app
    http-error:
      - status 503 content-type text/plain string "out of order" hdr Retry-After 60
      - status 404 errorfile /etc/sluice/404.http
backends: {app: {servers: {a: "h:1"}}}
`
    const { config, diagnostics } = load(text, { validateHttpError })
    expect(diagnostics).toEqual([])
    expect(config?.frontends[0]?.errorAnswers).toEqual([
      { status: 404, source: { kind: 'rule', rule: 'errorfile /etc/sluice/404.http' } },
      {
        status: 503,
        source: {
          kind: 'rule',
          rule: 'content-type text/plain string "out of order" hdr Retry-After 60',
        },
      },
    ])
  })

  it.each([
    ['status 600 string x', 'invalid-rule', '600'],
    ['status 418', 'invalid-value', '418'],
    ['503 content-type a/b string x', 'invalid-rule', '503'],
  ])('%s is refused where it is wrong', (line, code, place) => {
    const text = `frontends: {web: {bind: ":1", http-error: ['${line}'], mode: http}}`
    const [first] = load(text, { validateHttpError }).diagnostics
    expect(first).toMatchObject({ code, line: 1, col: text.indexOf(place) + 1 })
  })
})
