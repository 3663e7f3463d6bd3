import { describe, expect, it } from 'vitest'
import { maskSecrets } from '../../../../../src/config/text/yaml/secret-masking.ts'

const TEXT = `# kept as it is
frontends:
  web:
    bind: ":8080"   # comment
    acl:
      known: req.hdr(x-api-key) -m str s3cret
      pages: path_beg /key
    http-request:
      - set-header Authorization "Basic s3cret" if { path /a }
      - 'add-header X-Auth-Token s3cret'
      - set-header X-Forwarded-Proto https
      - deny unless { hdr(Authorization) -m str "Basic s3cret" } or { src 10.0.0.0/8 }
      - return status 200 hdr X-Api-Key s3cret content-type text/plain string ok if { path /b }
      - redirect location https://user:s3cret@example.com/ if { path /c }
backends:
  app:
    dynamic-cookie-key: s3cret
    cookie: SRV insert
    option:
      httpchk: {uri: /healthz, headers: {Authorization: "Bearer s3cret", Accept: text/plain}}
    tcp-check:
      - connect
      - send "AUTH s3cret\\r\\n"
      - expect string OK
    servers: {app1: "10.0.0.1:80"}
`

describe('the text of a config for who may only read it', () => {
  it('has no secret, and all else as it is written', () => {
    const shown = maskSecrets(TEXT)
    expect(shown).not.toContain('s3cret')
    const changed = TEXT.split('\n').flatMap((line, n) =>
      line === shown.split('\n')[n] ? [] : [shown.split('\n')[n]?.trim()],
    )
    expect(shown.split('\n')).toHaveLength(TEXT.split('\n').length)
    expect(changed).toEqual([
      'known: req.hdr(x-api-key) ***',
      '- set-header Authorization *** if { path /a }',
      "- 'add-header X-Auth-Token ***'",
      '- deny unless { hdr(Authorization) *** } or { src 10.0.0.0/8 }',
      '- return status 200 hdr X-Api-Key *** if { path /b }',
      '- redirect location https://user:***@example.com/ if { path /c }',
      'dynamic-cookie-key: ***',
      'httpchk: {uri: /healthz, headers: {Authorization: ***, Accept: text/plain}}',
      '- send ***',
    ])
  })

  it('is not shown where it is no YAML', () => {
    expect(maskSecrets('a: [s3cret')).toBe('***')
  })
})
