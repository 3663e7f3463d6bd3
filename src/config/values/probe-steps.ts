import {
  type ExpectStep,
  PROBE_BYTES_MAX,
  type ProbeStep,
  type StepProbeConfig,
  type TextExpectation,
} from '../../model/probe-protocol.ts'
import { type Parsed, refused } from '../diagnostics/diagnostics.ts'
import { parseByteText, parseHexadecimal } from './byte-texts.ts'
import { parseConnect } from './connect-steps.ts'
import { parseTcpExpectation } from './expectations.ts'

/** What a line of `tcp-check` looks like, for JSON Schema. */
export const PROBE_STEP_PATTERN = '^(connect|send|send-binary|expect|comment)( +.*\\S)?$'

/** A line of `tcp-check`. A comment stands before the step that it is about. */
export type ProbeLine = ProbeStep | { readonly kind: 'comment'; readonly text: string }

const UNSUPPORTED = /^(send-lf|send-binary-lf|set-var|set-var-fmt|unset-var)$/

/**
 * Reads one line of HAProxy's `tcp-check`: `connect ...`, `send TEXT`, `send-binary HEX`,
 * `expect [min-recv N] [!] string|rstring|binary|rbinary ...` or `comment TEXT`. The text is all of the line
 * that is left, with the escapes of {@link parseByteText}.
 */
export function parseProbeLine(line: string): Parsed<ProbeLine> {
  const [, kind = '', rest = ''] = /^(\S*) *(.*)$/s.exec(line.trim()) ?? []
  switch (kind) {
    case 'connect':
      return parseConnect(rest)
    case 'send':
      return sending(parseByteText(rest))
    case 'send-binary':
      return sending(parseHexadecimal(rest))
    case 'comment': {
      const text = parseByteText(rest)
      return 'value' in text ? { value: { kind, text: text.value } } : text
    }
    case 'expect': {
      const [, bytes, others = rest] = /^min-recv +([0-9]{1,5}) +(.*)$/s.exec(rest) ?? []
      const result = parseTcpExpectation(others)
      if (!('value' in result)) return result
      const bytesMin = bytes === undefined ? null : Number(bytes)
      if (bytesMin !== null && bytesMin > PROBE_BYTES_MAX) {
        return refused(`no more than ${PROBE_BYTES_MAX} bytes are kept`, '', 'out-of-range')
      }
      return { value: expectStep(result.value, 'L7RSP', bytesMin) }
    }
  }
  if (UNSUPPORTED.test(kind)) {
    return refused(`tcp-check ${kind} is not available in this version`, '', 'unsupported')
  }
  const hint = 'It begins with connect, send, send-binary, expect or comment.'
  return refused('this is not a step of a check', hint)
}

function sending(bytes: Parsed<string>): Parsed<ProbeLine> {
  return 'value' in bytes ? { value: { kind: 'send', bytes: bytes.value } } : bytes
}

/** Joins lines to a check: each comment goes to the next expectation. */
export function stepsOf(lines: readonly ProbeLine[]): StepProbeConfig {
  const steps: ProbeStep[] = []
  let comment = ''
  for (const line of lines) {
    if (line.kind === 'comment') comment = line.text
    else {
      steps.push(line.kind === 'expect' ? { ...line, comment } : line)
      comment = ''
    }
  }
  return { kind: 'steps', steps }
}

function expectStep(
  expectation: TextExpectation,
  failure: ExpectStep['failure'],
  bytesMin: number | null,
): ExpectStep {
  return { kind: 'expect', expectation, bytesMin, comment: '', failure }
}

/** Bytes with which a line of SMTP, or of Redis, is known for what it is. */
const SMTP_BYTES_MIN = 4
const REDIS_BYTES_MIN = 7

const smtpReply = (pattern: string, failure: ExpectStep['failure']): ExpectStep =>
  expectStep({ kind: 'rstring', negated: false, pattern }, failure, SMTP_BYTES_MIN)

/** `option redis-check`: PING as an array of one bulk string, and the simple string PONG. */
export const REDIS_PROBE: StepProbeConfig = {
  kind: 'steps',
  steps: [
    { kind: 'send', bytes: '*1\r\n$4\r\nPING\r\n' },
    expectStep({ kind: 'string', negated: false, text: '+PONG\r\n' }, 'L7STS', REDIS_BYTES_MIN),
  ],
}

/**
 * `option smtpchk`: a greeting, HELO or EHLO, QUIT, with a reply of success to each (RFC 5321
 * section 4.2). Of a reply of several lines the first, which has a hyphen, is enough.
 *
 * @param greeting `HELO` or `EHLO` and the name that the check goes by
 */
export function smtpProbe(greeting: string): StepProbeConfig {
  return {
    kind: 'steps',
    steps: [
      smtpReply('^[0-9]{3}[ \\r-]', 'L7RSP'),
      smtpReply('^2[0-9]{2}[ \\r-]', 'L7STS'),
      { kind: 'send', bytes: `${greeting}\r\n` },
      smtpReply('^2[0-9]{2}[ \\r-]', 'L7STS'),
      { kind: 'send', bytes: 'QUIT\r\n' },
      smtpReply('^2[0-9]{2}[ \\r-]', 'L7STS'),
    ],
  }
}
