import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  closeDescriptor,
  duplicateDescriptor,
  takeSocketError,
} from '../../../src/net/descriptor.ts'

describe('a descriptor', () => {
  let folder: string
  let file: string
  let fd: number

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-descriptor-'))
    file = join(folder, 'file')
    fd = openSync(file, 'w')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('is duplicated: either works without the other', () => {
    const duplicate = duplicateDescriptor(fd)
    expect(duplicate).not.toBe(fd)
    closeSync(fd)
    writeSync(duplicate, 'by the duplicate')
    closeDescriptor(duplicate)
    expect(readFileSync(file, 'utf8')).toBe('by the duplicate')
    expect(() => writeSync(duplicate, 'again')).toThrow(/EBADF/)
  })

  it.skipIf(process.platform !== 'linux')('is duplicated with close-on-exec', () => {
    const duplicate = duplicateDescriptor(fd)
    const flags = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${duplicate}`, 'utf8'))
    expect(Number.parseInt(flags?.[1] ?? '', 8) & 0o2000000).not.toBe(0)
    closeDescriptor(duplicate)
    closeSync(fd)
  })

  it('must be open to be duplicated or closed, and a socket to have an error', () => {
    expect(() => takeSocketError(fd)).toThrow(expect.objectContaining({ code: 'invariant-broken' }))
    closeSync(fd)
    for (const act of [duplicateDescriptor, closeDescriptor, takeSocketError]) {
      expect(() => act(fd)).toThrow(expect.objectContaining({ code: 'invariant-broken' }))
    }
  })

  it('needs a system whose numbers are known', async () => {
    vi.resetModules()
    vi.spyOn(process, 'platform', 'get').mockReturnValue('sunos')
    const fresh = await import('../../../src/net/descriptor.ts')
    expect(() => fresh.duplicateDescriptor(fd)).toThrow(
      expect.objectContaining({ code: 'platform-unsupported' }),
    )
    vi.restoreAllMocks()
    closeSync(fd)
  })
})
