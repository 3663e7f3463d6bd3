import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Expectations } from '../../../src/health/probes/expectation-match.ts'
import { HttpDialogue } from '../../../src/health/probes/http-dialogue.ts'
import { ServerTable } from '../../../src/memory/server-table.ts'
import { linearPatterns } from '../../../src/rules-host/linear-patterns.ts'
import { HTTP_CHECK } from '../health/check-servers.ts'
import { start } from './session-lab.ts'

const OPTIONS = 'OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n'
const table = ServerTable.create(1)
const EXPECTATIONS = new Expectations(linearPatterns)

/** What a client gets of a response whose connection then ends. */
function answerOf(response: string, acceptInvalidResponse: boolean): string {
  const { client, connectServer } = start({}, { backend: { acceptInvalidResponse } }, table)
  client.receive(OPTIONS)
  const server = connectServer()
  server.receive(response)
  server.handler.onEnd(server)
  return client.written
}

/** Whether a check that takes any status finds the server well. */
function isWell(response: string, acceptInvalid: boolean): boolean {
  const check = {
    ...HTTP_CHECK,
    expect: [{ kind: 'status', negated: false, ranges: [[100, 999]] }],
    response: { ...HTTP_CHECK.response, acceptInvalid },
  } as const
  const dialogue = new HttpDialogue(check, EXPECTATIONS)
  dialogue.begin()
  const turn = dialogue.receive(response, false)
  const { finding } = turn.finding === null ? dialogue.receive('', true) : turn
  return finding?.status === 'L7OK'
}

describe('option accept-invalid-http-response', () => {
  const INVALID = 'HTTP/1.1 200 OK\nA: b\nContent-Length: 2\nContent-Length: 2\n\nok'

  it('is off, and such a response 502', () => {
    expect(answerOf(INVALID, false)).toMatch(/^HTTP\/1\.1 502 /)
  })

  it('has it read, and sent on as everybody writes it', () => {
    expect(answerOf(INVALID, true)).toBe('HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\nok')
  })

  it('has a check take what clients are sent, and nothing else', () => {
    const first = fc.constantFrom(
      'HTTP/1.1 200 OK',
      'HTTP/1.0 404',
      'HTTP/1.1 103 X',
      'HTTP/2 200 OK',
    )
    const line = fc.constantFrom(
      'A: b',
      'A : b',
      'Content-Length: 0',
      'Content-Length: 0, 0',
      ' c',
      'A',
    )
    const end = fc.constantFrom('\r\n', '\r\n', '\n')
    const head = fc
      .tuple(first, end, fc.array(fc.tuple(line, end), { maxLength: 3 }), end)
      .map(([status, lineEnd, lines, last]) => status + lineEnd + lines.flat().join('') + last)
    const seen = new Set<string>()
    fc.assert(
      fc.property(
        fc.array(head, { minLength: 1, maxLength: 2 }),
        fc.boolean(),
        (heads, accepts) => {
          const response = heads.join('')
          const isSentOn = /^HTTP\/1\.1 (200|404) /m.test(answerOf(response, accepts))
          seen.add(`${accepts} ${isSentOn}`)
          expect(isWell(response, accepts), response).toBe(isSentOn)
        },
      ),
      { numRuns: 1000 },
    )
    expect(seen.size).toBe(4)
  })
})
