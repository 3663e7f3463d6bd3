import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SluiceError } from '../../../../src/base/errors.ts'
import { NameResolution } from '../../../../src/discovery/name-resolution.ts'
import { filesOf, validateFiles } from '../../../../src/supervisor/preparation/allowed-files.ts'
import { CertificateFiles } from '../../../../src/supervisor/preparation/certificate-files.ts'
import { gather, tlsOf } from '../../../../src/supervisor/preparation/gathering.ts'
import { createAuthority, selfSigned } from '../../../fixtures/certificates.ts'
import { configOf } from '../../config/loading.ts'
import { recordedLog } from '../recorded-log.ts'

const authority = createAuthority()
const a = selfSigned({ names: ['a.example'] })
const b = selfSigned({ names: ['b.example'] })

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-test-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

async function namesIn(crt: string): Promise<string> {
  const found = await new CertificateFiles(Date.now()).read(crt)
  return found.flatMap(({ names }) => names).join(' ')
}

async function refusalOf(crt: string): Promise<string> {
  const error: unknown = await namesIn(crt).catch((cause: unknown) => cause)
  return error instanceof SluiceError ? `${error.code}: ${error.message}` : 'none'
}

describe('crt', () => {
  it('is a file with certificate and key', async () => {
    expect(await namesIn(write('a.pem', a.cert + a.key))).toBe('a.example')
  })

  it.each([
    ['a.crt', 'a.crt.key'],
    ['a.crt', 'a.key'],
    ['a.pem', 'a.pem.key'],
  ])('is a file with a certificate, %s, whose key is %s', async (crt, key) => {
    write(key, a.key)
    expect(await namesIn(write(crt, a.cert))).toBe('a.example')
  })

  it('is a folder, whose files are taken by their names, but for those beside certificates', async () => {
    write('2.pem', a.cert + a.key)
    write('1.crt', b.cert)
    write('1.crt.key', b.key)
    for (const name of ['.hidden', '1.crt.ocsp', '2.pem.issuer', '2.pem.sctl']) write(name, 'x')
    expect(await namesIn(folder)).toBe('b.example a.example')
    expect(await namesIn(`${folder}/`)).toBe('b.example a.example')
  })

  it('that is not there, empty, too long or no file is refused', async () => {
    expect(await refusalOf(join(folder, 'absent'))).toMatch(/^certificate-unreadable: .*ENOENT/)
    expect(await refusalOf(folder)).toMatch(/^certificate-unreadable: .*no certificate in this/)
    expect(await refusalOf('/dev/null')).toMatch(/^certificate-unreadable: .*no file$/)
    const long = write('long.pem', 'x'.repeat(1_048_577))
    expect(await refusalOf(long)).toMatch(/^certificate-unreadable: .*more than 1048576 bytes$/)
    mkdirSync(join(folder, 'sub'))
    rmSync(long)
    expect(await refusalOf(folder)).toMatch(/^certificate-unreadable: .*sub: it is no file$/)
  })

  it('that TLS does not take is refused before a worker is given it', async () => {
    const { cert, key } = authority.issue({ names: ['a.example'], keyType: 'rsa', keyBits: 512 })
    const path = write('small.pem', cert + key)
    expect(await refusalOf(path)).toBe(
      `certificate-invalid: ${path}: TLS cannot use this certificate: ee key too small`,
    )
  })

  it('that is no good in a folder is named', async () => {
    write('1.pem', a.cert + a.key)
    const bad = write('2.pem', a.cert + b.key)
    expect(await refusalOf(folder)).toContain(`certificate-invalid: ${bad}:`)
  })
})

describe('what a config names as crt', () => {
  const configWith = (crt: string) =>
    configOf(`frontends: {web: {mode: http, bind: {address: ":1", ssl: {crt: ${crt}}}}}`)

  it('is gathered once, and goes into the plan in its order', async () => {
    const first = write('first.pem', b.cert + b.key)
    mkdirSync(join(folder, 'more'))
    writeFileSync(join(folder, 'more', 'a.pem'), a.cert + a.key)
    const config = configWith(`[${first}, ${folder}/more/]`)
    const names = new NameResolution({ log: recordedLog([]) })
    const { gathered, lacks } = await gather(config, names)
    expect(lacks).toEqual([])
    rmSync(first)
    const again = await gather(config, names, gathered)
    expect(again.lacks).toEqual([])
    const tls = tlsOf(again.gathered, config.frontends[0]?.binds[0]?.tls ?? null)
    expect(tls?.certificates.flatMap((one) => one.names)).toEqual(['b.example', 'a.example'])
    expect(tls).not.toHaveProperty('crt')
  })

  it('is a lack where it is no good, at its place', async () => {
    const config = configWith(join(folder, 'absent.pem'))
    const { lacks } = await gather(config, new NameResolution({ log: recordedLog([]) }))
    expect(lacks).toMatchObject([{ code: 'certificate-unreadable' }])
    expect(lacks[0]?.problem.paths).toContainEqual(['frontends', 'web', 'bind', 'ssl', 'crt'])
  })

  it('must lie below the folders that the node allows', () => {
    const config = configWith('/etc/ssl/private/')
    expect(() => validateFiles(filesOf(config), [folder])).toThrow(/crt of frontend web names/)
    expect(() => validateFiles(filesOf(config), ['/etc/ssl'])).not.toThrow()
  })
})
