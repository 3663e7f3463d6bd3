import { describe, expect, it } from 'vitest'
import {
  type ProbeLine,
  parseProbeLine,
  stepsOf,
} from '../../../../src/config/values/probe-steps.ts'

const failing = { bytesMin: null, comment: '', failure: 'L7RSP' }

const PLAIN = { kind: 'connect', port: null, isDefault: false, sendProxy: false, tls: null }

describe('a line of tcp-check', () => {
  it.each([
    ['connect', PLAIN],
    [' connect  port 443 ', { ...PLAIN, port: 443 }],
    ['connect default', { ...PLAIN, isDefault: true }],
    ['connect default port 8', { ...PLAIN, isDefault: true, port: 8 }],
    ['connect send-proxy port 8', { ...PLAIN, sendProxy: true, port: 8 }],
    ['connect port 443 ssl', { ...PLAIN, port: 443, tls: { serverName: null, alpn: [] } }],
    [
      'connect ssl alpn h2,http/1.1  sni a.example',
      { ...PLAIN, tls: { serverName: 'a.example', alpn: ['h2', 'http/1.1'] } },
    ],
    ['send PING\\r\\n', { kind: 'send', bytes: 'PING\r\n' }],
    ['send "two words"', { kind: 'send', bytes: 'two words' }],
    ['send-binary 50494e470D0a', { kind: 'send', bytes: 'PING\r\n' }],
    ['comment what the cache says', { kind: 'comment', text: 'what the cache says' }],
    [
      'expect string +PONG',
      {
        kind: 'expect',
        expectation: { kind: 'string', negated: false, text: '+PONG' },
        ...failing,
      },
    ],
    [
      'expect ! rstring ^-ERR',
      {
        kind: 'expect',
        expectation: { kind: 'rstring', negated: true, pattern: '^-ERR' },
        ...failing,
      },
    ],
    [
      'expect min-recv 4 binary 00',
      {
        kind: 'expect',
        expectation: { kind: 'string', negated: false, text: '\0' },
        ...failing,
        bytesMin: 4,
      },
    ],
  ])('reads %j', (line, value) => {
    expect(parseProbeLine(line)).toEqual({ value })
  })

  it.each([
    ['', 'this is not a step of a check'],
    ['ping', 'this is not a step of a check'],
    ['send', 'there is no text'],
    ['send-binary xy', 'this is not a number of bytes in hexadecimal'],
    ['comment', 'there is no text'],
    ['connect port 0', 'ports are 1 to 65535'],
    ['connect port 65536', 'ports are 1 to 65535'],
    ['connect port', 'ports are 1 to 65535'],
    ['connect sni a.example', 'sni and alpn are part of TLS'],
    ['connect ssl sni', 'this is not the name of a host'],
    ['connect ssl sni 10.0.0.1', 'this is not the name of a host'],
    ['connect ssl alpn', 'this is not a list of protocols'],
    ['connect ssl alpn h2,', 'this is not a list of protocols'],
    ['connect addr 10.0.0.1', 'connect addr is not available in this version'],
    ['connect linger', 'connect linger is not available in this version'],
    ['connect tls', 'unexpected "tls"'],
    ['expect min-recv 16385 string a', 'no more than 16384 bytes are kept'],
    ['expect min-recv 4', 'expecting by "min-recv" is not available in this version'],
    ['expect', 'expected string, rstring, binary or rbinary'],
  ])('refuses %j', (line, message) => {
    expect(parseProbeLine(line)).toMatchObject({ problem: { message } })
  })

  it.each(['send-lf x', 'set-var(a) b'])(
    'says what is not available in %j, or not known',
    (line) => {
      expect(parseProbeLine(line)).toHaveProperty('problem')
    },
  )
})

it('gives each comment to the expectation that it stands before', () => {
  const lines = ['comment a', 'expect string x', 'expect string y', 'comment b', 'send z']
  const read = lines.map((line) => (parseProbeLine(line) as { readonly value: ProbeLine }).value)
  expect(stepsOf(read).steps).toMatchObject([
    { kind: 'expect', comment: 'a' },
    { kind: 'expect', comment: '' },
    { kind: 'send', bytes: 'z' },
  ])
})
