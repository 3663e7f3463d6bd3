import { describe, expect, it } from 'vitest'
import { namesBindingScheme } from '../../../src/http/binding-schemes.ts'
import { parseResponseHead } from '../../../src/http/h1/response-parser.ts'
import { FACT_BINDS_CONNECTION, FACT_EDITED } from '../../../src/http/header-table.ts'
import { DEFAULT_HEAD_LIMITS } from '../../../src/http/limits.ts'
import { ResponseHead } from '../../../src/http/response-head.ts'

function names(value: string): boolean {
  const view = Buffer.from(`--${value}--`, 'latin1')
  return namesBindingScheme(view, 2, view.length - 2)
}

describe('a scheme that authenticates the connection', () => {
  it.each([
    'NTLM',
    'ntlm TlRMTVNTUAAB',
    'Negotiate',
    'Negotiate oYG2MIGzoAMKAQA=',
    'Negotiate:Kerberos',
    'Nego2',
    'Kerberos',
    'Basic realm="x", Negotiate',
    'Basic realm="x",NTLM',
    'Basic realm="x"\t,\tNTLM, Digest qop="auth"',
    'Digest realm="a, b"  NEGOTIATE',
  ])('is found in %j', (value) => expect(names(value)).toBe(true))

  it.each([
    '',
    'NTL',
    'Basic bmVnbzpudGxt',
    'Basic realm="x"',
    'Bearer xntlm',
    'Digest username="a", realm="b"',
  ])('is not found in %j', (value) => expect(names(value)).toBe(false))
})

function factsOf(...lines: string[]): number {
  const head = new ResponseHead(DEFAULT_HEAD_LIMITS)
  const view = Buffer.from(`HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  expect(parseResponseHead(view, 0, view.length, 'GET', head)).toBe(view.length)
  return head.headers.facts
}

describe('a head', () => {
  it.each([
    'WWW-Authenticate: Basic\r\nwww-authenticate: NTLM',
    'Proxy-Authenticate: Negotiate',
    'Authorization: NTLM x',
    'Proxy-Authorization: Negotiate x',
    'Persistent-Auth: true',
  ])('with %j binds the connection, and is forwarded as it is', (lines) => {
    expect(factsOf(lines) & (FACT_BINDS_CONNECTION | FACT_EDITED)).toBe(FACT_BINDS_CONNECTION)
  })

  it.each([
    'WWW-Authenticate: Basic realm="x"',
    'Authorization: Bearer x',
    'X-Authenticate: NTLM',
    'Connection: NTLM',
  ])('with %j does not', (line) => expect(factsOf(line) & FACT_BINDS_CONNECTION).toBe(0))
})
