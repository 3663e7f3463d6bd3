import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { AdminTls } from '../../../src/admin/admin-tls.ts'
import { readCertificate } from '../../../src/certificates/certificate-reading.ts'
import type { CliIo, ConnectionOptions } from '../../../src/cli/daemon-connection.ts'
import { serverSet } from '../../../src/cli/server-change-commands.ts'
import { serverList } from '../../../src/cli/server-list-command.ts'
import { DEFAULT_BIND_TLS } from '../../../src/config/values/default-values.ts'
import { createAuthority } from '../../fixtures/certificates.ts'
import { startAdmin, TOKEN } from '../admin/raw-admin.ts'
import { output } from './command-run.ts'

const authority = createAuthority()
let folder: string
let tokenFile: string
let caFile: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  tokenFile = join(folder, 'token')
  caFile = join(folder, 'ca.pem')
  writeFileSync(tokenFile, TOKEN)
  writeFileSync(caFile, authority.cert)
})

/** `--admin` of a daemon whose certificate is for this name. */
async function startFor(name: string): Promise<readonly string[]> {
  const { cert, key } = authority.issue({ names: [name] })
  const context = { nowMs: Date.now(), isKnownAuthority: () => true }
  const shown = readCertificate({ path: '/a.pem', text: cert + key }, null, context)
  const tls = new AdminTls(DEFAULT_BIND_TLS, [shown])
  return [`https://localhost:${await startAdmin({ tls })}`]
}

async function list(options: ConnectionOptions, env: CliIo['env'] = {}): Promise<string> {
  return (await output((io) => serverList({ tokenFile, ...options }, io), env)).out
}

describe('a command over HTTPS', () => {
  it('trusts whom --ca-file or SLUICE_CA_FILE names', async () => {
    const admin = await startFor('localhost')
    expect(await list({ admin, caFile })).toContain('app/app1')
    expect(await list({ admin }, { SLUICE_CA_FILE: caFile })).toContain('app/app1')
    const other = join(folder, 'other.pem')
    writeFileSync(other, createAuthority('Other').cert)
    expect(await list({ admin, caFile }, { SLUICE_CA_FILE: other })).toContain('app/app1')
  })

  it('tells nobody its token whom it does not trust, or who is another', async () => {
    const hint = expect.stringContaining('--ca-file')
    const code = 'admin-untrusted'
    await expect(list({ admin: await startFor('localhost') })).rejects.toMatchObject({ code, hint })
    await expect(list({ admin: await startFor('lb.example'), caFile })).rejects.toMatchObject({
      code,
      message: expect.stringContaining('lb.example'),
    })
  })

  it('has changed nothing where a handshake fails', async () => {
    const admin = await startFor('localhost')
    const changing = output((io) => serverSet('app/app1', { admin, tokenFile, weight: '5' }, io))
    await expect(changing).rejects.toMatchObject({ code: 'admin-untrusted' })
    const other = createServer((socket) => socket.end('no TLS\n'))
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void other.close())
    const address = other.address()
    const port = typeof address === 'object' ? address?.port : 0
    const plain = { admin: [`https://127.0.0.1:${port}`], tokenFile, weight: '5' }
    await expect(output((io) => serverSet('app/app1', plain, io))).rejects.toMatchObject({
      code: 'admin-unreachable',
    })
  })

  it('goes on to the next address from one that is not trusted', async () => {
    const admin = [...(await startFor('lb.example')), ...(await startFor('localhost'))]
    expect(await list({ admin, caFile })).toContain('app/app1')
  })

  it('says which file of authorities cannot be read', async () => {
    const none = join(folder, 'none')
    await expect(list({ admin: ['https://localhost:1'], caFile: none })).rejects.toMatchObject({
      code: 'config-unreadable',
      message: expect.stringContaining(none),
    })
  })
})
