import { describe, expect, it } from 'vitest'
import { DEFAULT_BIND_TLS } from '../../../src/config/values/default-values.ts'
import { configOf, load } from './loading.ts'

function text(admin: string, global = '{}'): string {
  return `global: ${global}\nadmin: ${admin}\nfrontends: {web: {bind: ":1", default_backend: app}}
backends: {app: {servers: {a: "127.0.0.1:1"}}}`
}

describe('ssl of admin', () => {
  it('is off unless it is written', () => {
    expect(configOf(text('{}')).admin.tls).toBeNull()
    expect(configOf(text('{ssl: off}')).admin.tls).toBeNull()
  })

  it('has the words of a bind, and what global says for these', () => {
    expect(configOf(text('{ssl: {crt: /c/}}')).admin.tls).toEqual({
      ...DEFAULT_BIND_TLS,
      crt: ['/c/'],
    })
    const global = '{ssl-default-bind-options: {ssl-min-ver: TLSv1.3, no-tls-tickets: true}}'
    const admin = '{ssl: {crt: [/a.pem, /b.pem], ssl-min-ver: TLSv1.2, curves: P-256}}'
    expect(configOf(text(admin, global)).admin.tls).toMatchObject({
      crt: ['/a.pem', '/b.pem'],
      minVersion: 'TLSv1.2',
      hasTickets: false,
      curves: 'P-256',
    })
  })

  it.each([
    ['{bind: ":8404", token-file: /t}', 'unencrypted'],
    ['{bind: ":8404", tokens: {a: {file: /t, level: read}}}', 'unencrypted'],
    ['{bind: ":8404", ssl: {crt: /c}}', 'asks for no token'],
    ['{bind: ":8404", ssl: {crt: /c}, token-file: /t}', null],
    ['{bind: ":8404", ssl: off, token-file: /t}', null],
    ['{bind: "127.0.0.1:8404", token-file: /t}', null],
    ['{bind: off, token-file: /t}', null],
  ])('is wanted beyond loopback: %s', (admin, said) => {
    const found = load(text(admin)).diagnostics.filter(({ code }) => code === 'exposed-admin')
    expect(found.map(({ message }) => message)).toEqual(
      said === null ? [] : [expect.stringContaining(said)],
    )
  })
})
