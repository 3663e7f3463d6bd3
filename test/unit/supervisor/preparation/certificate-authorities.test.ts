import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SluiceError } from '../../../../src/base/errors.ts'
import { NameResolution } from '../../../../src/discovery/name-resolution.ts'
import type { Config } from '../../../../src/model/config.ts'
import type { PlannedAuthorities } from '../../../../src/model/plan.ts'
import { readAuthority } from '../../../../src/supervisor/preparation/certificate-authorities.ts'
import { gather, NOTHING_GATHERED } from '../../../../src/supervisor/preparation/gathering.ts'
import { createAuthority } from '../../../fixtures/certificates.ts'
import { recordedLog } from '../recorded-log.ts'

const { cert } = createAuthority()

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-test-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

/** Writes a file and returns its path. */
function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text, 'latin1')
  return path
}

/** Reads what servers with these files trust; null: one without TLS. */
async function read(
  caFiles: readonly (string | null)[],
  previous: readonly PlannedAuthorities[] = [],
  verify = true,
): Promise<readonly PlannedAuthorities[]> {
  const address = { kind: 'inet', host: '127.0.0.1', port: 80 }
  const servers = caFiles.map((caFile, n) => ({
    name: `s${n}`,
    address,
    agent: null,
    check: null,
    tls: caFile === null ? null : { verify, caFile, crlFile: null, crt: null },
  }))
  const bare = { name: 's', address, agent: null, check: null, tls: null }
  const backends = [{ name: 'app', errorAnswers: [], servers: [...servers, bare] }]
  const config = { global: {}, frontends: [], backends } as unknown as Config
  const authorities = new Map(previous.map((one) => [one.caFile, one]))
  const running = { ...NOTHING_GATHERED, authorities }
  const names = new NameResolution({ log: recordedLog([]) })
  const { gathered } = await gather(config, names, undefined, running)
  return [...gathered.authorities.values()]
}

async function refusalOf(caFile: string): Promise<string> {
  const error: unknown = await readAuthority(caFile).catch((cause: unknown) => cause)
  return error instanceof SluiceError ? `${error.code}: ${error.message}` : 'none'
}

describe('authorities', () => {
  it('are read once for all servers that name them', async () => {
    const path = write('ca.pem', `A comment.\n${cert}${cert}`)
    expect(await read([path, null, path])).toEqual([
      { caFile: path, pem: `A comment.\n${cert}${cert}` },
    ])
  })

  it('are not read where nothing is verified, or there is no TLS', async () => {
    expect(await read(['/nonexistent/ca.pem'], undefined, false)).toEqual([])
    expect(await read([null])).toEqual([])
  })

  it('of the system are found, or those of Node.js taken', async () => {
    const [system] = await read(['@system-ca'])
    expect(system?.caFile).toBe('@system-ca')
    expect(system?.pem).toContain('-----BEGIN CERTIFICATE-----')
  })

  it('are the same object as before where the text is the same', async () => {
    const path = write('ca.pem', cert)
    const before = await read([path])
    const same = await read([path], before)
    expect(same[0]).toBe(before[0])
    write('ca.pem', `${cert}${cert}`)
    const changed = await read([path], before)
    expect(changed[0]?.pem).toBe(`${cert}${cert}`)
  })
})

describe('a ca-file is refused', () => {
  it('when it cannot be read', async () => {
    expect(await refusalOf(join(folder, 'absent.pem'))).toMatch(
      /^ca-file-unreadable: cannot read ca-file .*absent\.pem: .*ENOENT/,
    )
    mkdirSync(join(folder, 'directory'))
    expect(await refusalOf(join(folder, 'directory'))).toMatch(/^ca-file-unreadable: .*no file$/)
  })

  it('when it is a pipe, without waiting for it', async () => {
    const path = join(folder, 'pipe')
    expect(spawnSync('mkfifo', [path]).status).toBe(0)
    expect(await refusalOf(path)).toMatch(/^ca-file-unreadable: .*no file$/)
  })

  it.each([
    ['there is no certificate in it', ''],
    [
      'there is no certificate in it',
      '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
    ],
    [
      'its certificate 2 cannot be read',
      `${cert}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
    ],
  ])('when %s', async (why, text) => {
    const path = write('ca.pem', text)
    expect(await refusalOf(path)).toBe(`ca-file-invalid: ca-file ${path}: ${why}`)
  })

  it('when it is too long', async () => {
    const path = write('ca.pem', cert + ' '.repeat(4 * 1_048_576))
    expect(await refusalOf(path)).toMatch(/^ca-file-invalid: .*more than 4194304 bytes$/)
  })
})
