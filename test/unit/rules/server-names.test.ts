import { describe, expect, it } from 'vitest'
import type { SessionFacts } from '../../../src/rules/facts.ts'
import { compileSessionName, readSni } from '../../../src/rules/server-names.ts'

describe('sni', () => {
  it.each([
    ['app.example', 'http'],
    ['App.Example.', 'tcp'],
    ['str(app.example)', 'http'],
  ] as const)('of %s is a name', (text, mode) => {
    expect(readSni(text, mode)).toEqual({ kind: 'name', name: 'app.example' })
  })

  it.each([
    ['req.hdr(host),lower', 'http'],
    ['ssl_fc_sni', 'tcp'],
    ['path', 'http'],
  ] as const)('of %s is an expression', (text, mode) => {
    expect(readSni(text, mode)).toEqual({ kind: 'expression', text })
  })

  it.each([
    ['10.0.0.1', 'http'],
    ['str(10.0.0.1)', 'http'],
    ['a b', 'http'],
    ['nothing(host)', 'http'],
    ['req.hdr(host)', 'tcp'],
    ['req.hdr(host),nothing', 'http'],
  ] as const)('of %s is refused in mode %s', (text, mode) => {
    expect(readSni(text, mode)).toMatchObject({ message: expect.any(String) })
  })
})

it.each([
  ['a.example', 'a.example'],
  ['A.Example.:8443', 'a.example'],
  ['a.example:', 'a.example'],
  ['10.0.0.1:443', null],
  ['[::1]:443', null],
  ['', null],
  ['a b', null],
  ['a\0b', null],
  ['a'.repeat(256), null],
])('what an expression gives, %j, asks for %j', (serverName, asked) => {
  const facts = { tls: { serverName } } as unknown as SessionFacts
  expect(compileSessionName('ssl_fc_sni')(facts)).toBe(asked)
})
