import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  filesOf,
  type NamedFile,
  validateFiles,
} from '../../../../src/supervisor/preparation/allowed-files.ts'
import { configOf } from '../../config/loading.ts'

let folder: string
let allowed: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-allowed-'))
  allowed = join(folder, 'allowed')
  mkdirSync(allowed)
  mkdirSync(join(folder, 'allowed-not'))
  writeFileSync(join(folder, 'secret'), 'a secret')
  writeFileSync(join(allowed, '503.http'), 'an answer')
  symlinkSync(join(folder, 'secret'), join(allowed, 'link'))
  symlinkSync(folder, join(allowed, 'up'))
})

afterEach(() => rmSync(folder, { recursive: true }))

function withFile(path: string): NamedFile[] {
  const backends = `backends: {app: {mode: http, errorfile: {503: "${path}"}}}`
  return filesOf(configOf(`frontends: {web: {mode: http, bind: ":1"}}\n${backends}`))
}

describe('a file is allowed', () => {
  it.each(['503.http', 'not-there', 'a/b/c', 'up/allowed/503.http'])('%s', (name) => {
    expect(() => validateFiles(withFile(join(allowed, name)), [allowed])).not.toThrow()
  })

  it('below any of several folders, also where they are links or end with a slash', () => {
    const files = withFile(join(allowed, '503.http'))
    expect(() => validateFiles(files, ['/nowhere', `${allowed}/`])).not.toThrow()
    expect(() => validateFiles(files, [join(allowed, 'up', 'allowed')])).not.toThrow()
    expect(() => validateFiles(files, ['/'])).not.toThrow()
  })
})

describe('a file is refused', () => {
  it.each(['../secret', 'link', 'up/secret', '../allowed-not/a', 'none/../../secret'])(
    '%s',
    (name) => {
      const path = `${allowed}/${name}`
      expect(() => validateFiles(withFile(path), [allowed])).toThrow(
        expect.objectContaining({
          code: 'file-not-allowed',
          message: `errorfile 503 of backend app names ${path}, which is not below ${allowed}`,
        }),
      )
    },
  )
})

it('Unix sockets and authorities are files too', () => {
  const check = 'check: true, check-ssl: true, ca-file: /etc/ssl/x.pem'
  const cases = [
    ['bind of frontend web', 'unix@/run/web.sock', '10.0.0.1:80', ''],
    ['address of server app/s', ':1', 'unix@/run/engine.sock', ''],
    ['ca-file of server app/s', ':1', '10.0.0.1:80', `, ${check}`],
  ] as const
  for (const [key, bind, address, more] of cases) {
    const server = `{address: "${address}"${more}}`
    const config = configOf(
      `frontends: {web: {mode: tcp, bind: "${bind}"}}\nbackends: {app: {mode: tcp, servers: {s: ${server}}}}`,
    )
    expect(() => validateFiles(filesOf(config), [allowed])).toThrow(
      expect.objectContaining({ message: expect.stringContaining(key) }),
    )
  }
})
