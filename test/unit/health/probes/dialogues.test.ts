import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { REDIS_PROBE, smtpProbe } from '../../../../src/config/values/probe-steps.ts'
import { AgentDialogue } from '../../../../src/health/probes/agent-dialogue.ts'
import { AGENT_REPLY_BYTES_MAX } from '../../../../src/health/probes/agent-reply.ts'
import type { Dialogue } from '../../../../src/health/probes/dialogue.ts'
import { Expectations } from '../../../../src/health/probes/expectation-match.ts'
import { createDialogue } from '../../../../src/health/probes/protocols.ts'
import {
  type HttpExpectation,
  PROBE_BYTES_MAX,
  type ProbeStep,
  type TextExpectation,
  type TextProbeConfig,
} from '../../../../src/model/probe-protocol.ts'
import { linearPatterns } from '../../../../src/rules-host/linear-patterns.ts'
import { connectStep, HTTP_CHECK } from '../check-servers.ts'

const EXPECTATIONS = new Expectations(linearPatterns)

/** Something that happens to a dialogue: bytes, or the end of the connection. */
type Event = string | null
const END = null

/** What was sent in all, and how it ended: `waits`, or the status and what is to say of it. */
function play(dialogue: Dialogue, events: readonly Event[]): [sent: string, end: string] {
  let sent = ''
  let turn = dialogue.begin()
  const queue = [...events]
  for (;;) {
    sent += turn.send
    if (turn.finding !== null) {
      const { status, code, info } = turn.finding
      return [sent, [status, code === 0 ? '' : `${code}`, info].filter((s) => s !== '').join(' ')]
    }
    if (turn.connect !== undefined) {
      sent += `<connect ${turn.connect.port}>`
      turn = dialogue.begin()
      continue
    }
    const event = queue.shift()
    if (event === undefined) return [sent, 'waits']
    turn = event === null ? dialogue.receive('', true) : dialogue.receive(event, false)
  }
}

function endOf(protocol: TextProbeConfig, events: readonly Event[]): string {
  return play(createDialogue(protocol, EXPECTATIONS), events)[1]
}

/** The same, with every byte arriving alone. */
function trickle(protocol: TextProbeConfig, events: readonly Event[]): string {
  return endOf(
    protocol,
    events.flatMap((event) => (event === null ? [END] : [...event])),
  )
}

const text = (value: string, negated = false): TextExpectation => ({
  kind: 'string',
  negated,
  text: value,
})
const pattern = (value: string, negated = false): TextExpectation => ({
  kind: 'rstring',
  negated,
  pattern: value,
})

describe('an HTTP check of the body', () => {
  const http = (...expect: HttpExpectation[]): TextProbeConfig => ({ ...HTTP_CHECK, expect })
  const OK = 'HTTP/1.1 200 OK\r\n'
  const status = (negated: boolean, ...ranges: [number, number][]): HttpExpectation => ({
    kind: 'status',
    negated,
    ranges,
  })

  it.each<[string, HttpExpectation[], Event[], string]>([
    ['a text', [text('well')], [`${OK}Content-Length: 11\r\n\r\nall is well`], 'L7OK 200 OK'],
    ['before the end', [text('all')], [`${OK}Content-Length: 11\r\n\r\nall`], 'L7OK 200 OK'],
    ['not yet there', [text('well')], [`${OK}Content-Length: 11\r\n\r\nall is`], 'waits'],
    [
      'not there',
      [text('well')],
      [`${OK}Content-Length: 3\r\n\r\nbad`],
      "L7RSP 200 No match of string 'well'",
    ],
    [
      'beyond the length',
      [text('well')],
      [`${OK}Content-Length: 3\r\n\r\nbad well`],
      "L7RSP 200 No match of string 'well'",
    ],
    [
      'only in the head',
      [text('OK')],
      [`${OK}Content-Length: 0\r\n\r\n`],
      "L7RSP 200 No match of string 'OK'",
    ],
    ['until the end', [text('b')], [`${OK}\r\na`], 'waits'],
    ['until the end', [text('b')], [`${OK}\r\na`, END], "L7RSP 200 No match of string 'b'"],
    ['nothing after the status line', [text('b')], [`${OK}A: b`, END], 'L7RSP Incomplete response'],
    [
      'across chunks',
      [text('well')],
      [`${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nwe\r\n2\r\nll\r\n`],
      'L7OK 200 OK',
    ],
    [
      'not in chunks',
      [text('2')],
      [`${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nwe\r\n0\r\n\r\n`],
      "L7RSP 200 No match of string '2'",
    ],
    [
      'unwanted',
      [text('bad', true)],
      [`${OK}Content-Length: 9\r\n\r\nbad`],
      "L7RSP 200 Unwanted match of ! string 'bad'",
    ],
    [
      'unwanted and perhaps to come',
      [text('bad', true)],
      [`${OK}Content-Length: 9\r\n\r\nba`],
      'waits',
    ],
    [
      'unwanted and not there',
      [text('bad', true)],
      [`${OK}Content-Length: 2\r\n\r\nba`],
      'L7OK 200 OK',
    ],
    ['a pattern', [pattern('^[a-z]+ is')], [`${OK}\r\nall is`], 'L7OK 200 OK'],
    [
      'both',
      [text('a'), text('b', true)],
      [`${OK}Content-Length: 2\r\n\r\nab`],
      "L7RSP 200 Unwanted match of ! string 'b'",
    ],
    [
      'status first',
      [status(false, [200, 200]), text('a')],
      ['HTTP/1.1 503 Oh\r\n\r\n'],
      'L7STS 503 Oh',
    ],
    [
      'a status that is unwanted',
      [status(true, [500, 599])],
      ['HTTP/1.1 503 Oh\r\n\r\n'],
      'L7STS 503 Oh',
    ],
    [
      'another than the unwanted',
      [status(true, [500, 599])],
      ['HTTP/1.1 404 No\r\n\r\n'],
      'L7OK 404 No',
    ],
    [
      'a status by pattern',
      [{ kind: 'rstatus', negated: false, pattern: '^[23]' }],
      ['HTTP/1.0 302\r\n\r\n'],
      'L7OK 302',
    ],
    [
      'a status by pattern',
      [{ kind: 'rstatus', negated: false, pattern: '^[23]' }],
      ['HTTP/1.0 404\r\n\r\n'],
      'L7STS 404',
    ],
    ['no body at all', [text('a')], ['HTTP/1.1 204 X\r\n\r\n'], "L7RSP 204 No match of string 'a'"],
  ])('%s', (_, expectations, events, end) => {
    expect(endOf(http(...expectations), events)).toBe(end)
    expect(trickle(http(...expectations), events)).toBe(end)
  })

  it('reads no more than there is room for', () => {
    const endless = Array.from({ length: 20 }, () => 'x'.repeat(1000))
    const end = endOf(http(text('y')), [`${OK}\r\n`, ...endless])
    expect(end).toBe("L7RSP 200 No match of string 'y'")
    expect(endOf(http(text('y', true)), [`${OK}\r\n`, ...endless])).toBe('L7OK 200 OK')
  })

  it('sends headers and a body', () => {
    const [sent] = play(
      createDialogue(
        {
          ...HTTP_CHECK,
          method: 'POST',
          version: 'HTTP/1.1',
          headers: [
            ['Host', 'app'],
            ['X-Check', 'yes'],
          ],
          body: 'a=\xfc',
        },
        EXPECTATIONS,
      ),
      [],
    )
    expect(sent).toBe(
      'POST / HTTP/1.1\r\nHost: app\r\nX-Check: yes\r\nConnection: close\r\nContent-Length: 3\r\n\r\na=\xfc',
    )
  })
})

describe('a check of steps', () => {
  const check = (...steps: ProbeStep[]): TextProbeConfig => ({ kind: 'steps', steps })
  const send = (bytes: string): ProbeStep => ({ kind: 'send', bytes })
  const connect = (port: number | null = null): ProbeStep => connectStep({ port })
  const heard = (
    expectation: TextExpectation,
    comment = '',
    bytesMin: number | null = null,
  ): ProbeStep => ({
    kind: 'expect',
    expectation,
    bytesMin,
    comment,
    failure: 'L7RSP',
  })

  it.each<[string, ProbeStep[], Event[], string, string]>([
    ['only connects', [connect()], [], '', 'L4OK'],
    ['only sends', [send('hello')], [], 'hello', 'L4OK'],
    ['connects twice', [connect(80), connect(443)], [], '<connect 443>', 'L4OK'],
    [
      'speaks on both',
      [connect(), send('a'), heard(text('b')), connect(9), send('c'), heard(text('d'))],
      ['b', 'd'],
      'a<connect 9>c',
      'L7OK',
    ],
    ['hears', [heard(text('hi'))], ['h', 'i'], '', 'L7OK'],
    ['waits', [send('a'), heard(text('hi'))], ['h'], 'a', 'waits'],
    [
      'speaks once it has heard',
      [heard(text('hi')), send('ho'), heard(text('x'))],
      ['hi'],
      'ho',
      'waits',
    ],
    [
      'forgets what came before it spoke',
      [heard(text('hi')), send('ho'), heard(text('hi'))],
      ['hi', END],
      'ho',
      "L7RSP No match at step 3 of tcp-check (expect string 'hi')",
    ],
    ['holds one answer against two', [heard(text('a')), heard(text('b'))], ['ab'], '', 'L7OK'],
    [
      'is let down',
      [heard(text('hi'), 'greeting')],
      ['ho', END],
      '',
      "L7RSP No match at step 1 of tcp-check (expect string 'hi') comment: 'greeting'",
    ],
    [
      'hears nothing',
      [heard(text('hi'))],
      [END],
      '',
      "L7RSP No match at step 1 of tcp-check (expect string 'hi')",
    ],
    [
      'hears what it must not',
      [heard(text('no', true))],
      ['no'],
      '',
      "L7RSP Unwanted match at step 1 of tcp-check (expect ! string 'no')",
    ],
    ['hears something else', [heard(text('no', true))], ['yes'], '', 'L7OK'],
    [
      'must hear something',
      [heard(text('no', true))],
      [END],
      '',
      "L7RSP No match at step 1 of tcp-check (expect ! string 'no')",
    ],
    ['hears too little', [heard(text('a'), '', 4)], ['abc'], '', 'waits'],
    ['hears little, and the end', [heard(text('a'), '', 4)], ['abc', END], '', 'L7OK'],
    [
      'knows by the number of bytes',
      [heard(text('x'), '', 4)],
      ['abcd'],
      '',
      "L7RSP No match at step 1 of tcp-check (expect string 'x')",
    ],
    [
      'hears bytes',
      [heard({ kind: 'rbinary', negated: false, pattern: '^00FF' })],
      ['\0\xff'],
      '',
      'L7OK',
    ],
    [
      'shows bytes',
      [heard(text('a\r\n'))],
      ['b', END],
      '',
      "L7RSP No match at step 1 of tcp-check (expect string 'a\\r\\n')",
    ],
  ])('%s', (_, steps, events, sent, end) => {
    expect(play(createDialogue(check(...steps), EXPECTATIONS), events)).toEqual([sent, end])
  })

  it('keeps no more than there is room for', () => {
    const endless = Array.from({ length: 20 }, () => 'x'.repeat(1000))
    expect(endOf(check(heard(text('y'))), endless)).toContain('No match')
    expect(endOf(check(heard(text('y'))), ['x'.repeat(PROBE_BYTES_MAX - 1)])).toBe('waits')
  })

  it('says what it waits for', () => {
    const dialogue = createDialogue(check(send('a'), heard(text('b'))), EXPECTATIONS)
    dialogue.begin()
    expect(dialogue.pending()).toBe("at step 2 of tcp-check (expect string 'b')")
  })
})

describe('a ready-made check', () => {
  it.each<[string, TextProbeConfig, Event[], string, string]>([
    ['Redis', REDIS_PROBE, ['+PONG\r\n'], '*1\r\n$4\r\nPING\r\n', 'L7OK'],
    [
      'Redis that asks for a password',
      REDIS_PROBE,
      ['-NOAUTH Authentication required.\r\n'],
      '*1\r\n$4\r\nPING\r\n',
      "L7STS No match at step 2 of tcp-check (expect string '+PONG\\r\\n')",
    ],
    [
      'SMTP',
      smtpProbe('EHLO lb'),
      ['220 mail\r\n', '250-mail\r\n', '221 bye\r\n'],
      'EHLO lb\r\nQUIT\r\n',
      'L7OK',
    ],
    [
      'SMTP that is busy',
      smtpProbe('HELO lb'),
      ['421 later\r\n'],
      '',
      "L7STS No match at step 2 of tcp-check (expect rstring '^2[0-9]{2}[ \\r-]')",
    ],
    [
      'what is not SMTP',
      smtpProbe('HELO lb'),
      ['SSH-2.0\r\n'],
      '',
      "L7RSP No match at step 1 of tcp-check (expect rstring '^[0-9]{3}[ \\r-]')",
    ],
  ])('%s', (_, protocol, events, sent, end) => {
    expect(play(createDialogue(protocol, EXPECTATIONS), events)).toEqual([sent, end])
  })
})

describe('a check of PostgreSQL', () => {
  const protocol: TextProbeConfig = { kind: 'postgresql', user: 'lb' }
  const STARTUP = '\0\0\0\x11\0\x03\0\0user\0lb\0\0'

  it.each<[string, Event[], string]>([
    ['lets in', ['R\0\0\0\x08\0\0\0\0'], 'L7OK PostgreSQL server is ok'],
    ['asks for SCRAM', ['R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0'], 'L7OK PostgreSQL server is ok'],
    ['refuses', ['E\0\0\0\x0fSFATAL\0Mno\0\0'], 'L7STS no'],
    ['is not there yet', ['R\0\0\0\x08\0\0\0'], 'waits'],
    ['stops in between', ['R\0\0', END], 'L7RSP Incomplete message'],
    ['says nothing', [END], 'L7RSP Empty response'],
    ['is another', ['HTTP/1.1 400'], 'L7RSP Not PostgreSQL'],
    ['has no contents', ['E\0\0\0\x04'], 'L7RSP Message without contents'],
    ['has a length of nothing', ['E\0\0\0\x01'], 'L7RSP Message without contents'],
    ['is too long', ['E\0\xff\xff\xff'], 'L7RSP Message too long'],
  ])('%s', (_, events, end) => {
    expect(play(createDialogue(protocol, EXPECTATIONS), events)).toEqual([STARTUP, end])
    expect(trickle(protocol, events)).toBe(end)
  })
})

describe('a check of MySQL', () => {
  const greeting = '\x0b\0\0\0\x0a8.0.36\0\x01\0\0'
  const logIn = `${'\x3a\0\0\x01'}${'\x01\x82\x08\0\xff\xff\xff\0\x21'}${'\0'.repeat(23)}lb\0\0mysql_native_password\0`
  const QUIT = '\x01\0\0\0\x01'

  it.each<[string, string, Event[], string, string]>([
    ['greets', '', [greeting], '', 'L7OK 8.0.36'],
    ['is locked', '', ['\x08\0\0\0\xff\x10\x04Too m'], '', 'L7STS 1040 Too m'],
    ['lets in', 'lb', [greeting, '\x01\0\0\x02\0'], `LOGIN${QUIT}`, 'L7OK 8.0.36'],
    ['refuses', 'lb', [greeting, '\x0b\0\0\x02\xff\x15\x04#28000no'], 'LOGIN', 'L7STS 1045 no'],
    [
      'asks in another way',
      'lb',
      [greeting, '\x02\0\0\x02\xfe\0', '\x01\0\0\x04\0'],
      `LOGIN${'\0\0\0\x03'}${QUIT}`,
      'L7OK 8.0.36',
    ],
    [
      'asks again and again',
      'lb',
      [greeting, '\x02\0\0\x02\xfe\0', '\x02\0\0\x04\xfe\0'],
      `LOGIN${'\0\0\0\x03'}`,
      'L7RSP Not an answer to a log-in',
    ],
    ['is another', '', ['\x04\0\0\0HTTP'], '', 'L7RSP Not a MySQL greeting'],
    ['is empty', '', ['\0\0\0\0'], '', 'L7RSP Not a MySQL greeting'],
    ['is another for sure', '', ['HTTP/1.1 400 Bad Request'], '', 'L7RSP Packet too long'],
    ['stops in between', 'lb', [greeting, '\x01\0', END], 'LOGIN', 'L7RSP Incomplete packet'],
    ['says nothing', '', [END], '', 'L7RSP Empty response'],
  ])('%s', (_, user, events, sent, end) => {
    const protocol: TextProbeConfig = { kind: 'mysql', user }
    expect(play(createDialogue(protocol, EXPECTATIONS), events)).toEqual([
      sent.replace('LOGIN', logIn),
      end,
    ])
    expect(trickle(protocol, events)).toBe(end)
  })
})

describe('a question to an agent', () => {
  it.each<[string, Event[], string]>([
    ['a line', ['75%\n'], 'L7OK 75%'],
    ['a line of DOS', ['up 50%\r\nmore'], 'L7OK up 50%'],
    ['no end of a line', ['drain', END], 'L7OK drain'],
    ['not all', ['dra'], 'waits'],
    ['nothing', [END], 'L7RSP Empty response'],
    ['an empty line', ['\n75%\n'], 'L7RSP Empty response'],
    ['too much', ['x'.repeat(AGENT_REPLY_BYTES_MAX)], 'L7RSP Line too long'],
  ])('%s', (_, events, end) => {
    expect(play(new AgentDialogue('app1\n'), events)).toEqual(['app1\n', end])
  })
})

it('every check ends, whatever arrives', () => {
  const protocols: TextProbeConfig[] = [
    { ...HTTP_CHECK, expect: [text('x'), text('y', true)] },
    REDIS_PROBE,
    smtpProbe('HELO lb'),
    { kind: 'mysql', user: 'lb' },
    { kind: 'postgresql', user: 'lb' },
  ]
  const bytes = fc.array(fc.integer({ min: 0, max: 255 })).map((b) => String.fromCharCode(...b))
  fc.assert(
    fc.property(fc.constantFrom(...protocols), fc.array(bytes), (protocol, events) => {
      expect(endOf(protocol, [...events, END])).not.toBe('waits')
    }),
  )
})
