import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  isSafePlace,
  makeSocketFolder,
  ownSocketPath,
  usualSocketPaths,
} from '../../../../src/base/host/socket-places.ts'

const uid = process.getuid?.() ?? -1

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-places-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

describe('the socket of a daemon is', () => {
  it.each([
    ['of root', {}, 0, '/run/sluice/admin.sock'],
    // A root shell that was opened from a user's session.
    ['of root', { XDG_RUNTIME_DIR: '/run/user/1000' }, 0, '/run/sluice/admin.sock'],
    ['of a user', { XDG_RUNTIME_DIR: '/run/user/7' }, 7, '/run/user/7/sluice/admin.sock'],
    ['of a user without a session', {}, 7, join(tmpdir(), 'sluice-7', 'admin.sock')],
    ['of a user without a session', { XDG_RUNTIME_DIR: '' }, 7, `${tmpdir()}/sluice-7/admin.sock`],
    ['of a service', { RUNTIME_DIRECTORY: '/run/lb' }, 7, '/run/lb/admin.sock'],
    ['of a service', { RUNTIME_DIRECTORY: '/run/a:/run/b' }, 0, '/run/a/admin.sock'],
  ])('%s with %j, uid %i: %s', (_, env, owner, path) => {
    expect(ownSocketPath({ env, uid: owner })).toBe(path)
  })
})

it('a command looks at its own first, then at the host’s', () => {
  expect(usualSocketPaths({ env: {}, uid: 0 })).toEqual(['/run/sluice/admin.sock'])
  expect(usualSocketPaths({ env: { XDG_RUNTIME_DIR: '/run/user/7' }, uid: 7 })).toEqual([
    '/run/user/7/sluice/admin.sock',
    '/run/sluice/admin.sock',
  ])
})

describe('the folder', () => {
  it('is made for its user alone', () => {
    const path = join(temporaryFolder(), 'sluice', 'admin.sock')
    makeSocketFolder(path, uid)
    expect(lstatSync(join(path, '..')).mode & 0o777).toBe(0o700)
    makeSocketFolder(path, uid)
    expect(isSafePlace(path, uid)).toBe(true)
  })

  it('is not used where others may write to it', () => {
    const folder = join(temporaryFolder(), 'open')
    mkdirSync(folder)
    chmodSync(folder, 0o777)
    const path = join(folder, 'admin.sock')
    expect(isSafePlace(path, uid)).toBe(false)
    expect(() => makeSocketFolder(path, uid)).toThrow(
      expect.objectContaining({ code: 'bind-failed', message: expect.stringContaining(folder) }),
    )
  })

  it('is not used where it is a link, or another user’s', () => {
    const folder = temporaryFolder()
    symlinkSync(folder, join(folder, 'link'))
    expect(isSafePlace(join(folder, 'link', 'admin.sock'), uid)).toBe(false)
    // What is root's is safe for all; of what is a user's, another thinks otherwise.
    const isForOthers = isSafePlace(join(folder, 'admin.sock'), uid + 1)
    expect(isForOthers).toBe(uid === 0)
  })

  it('may be missing for a command', () => {
    expect(isSafePlace(join(temporaryFolder(), 'none', 'admin.sock'), uid)).toBe(true)
  })
})
