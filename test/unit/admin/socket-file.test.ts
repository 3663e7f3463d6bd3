import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { listenOnSocket } from '../../../src/admin/socket-file.ts'

const OWN = { mode: 0o600, gid: null }

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-socket-'))
  path = join(folder, 'admin.sock')
})

afterEach(() => rmSync(folder, { recursive: true }))

/** A server that greets with its name, and is closed when the test is over. */
function serverOf(name: string): Server {
  // Who only looks whether somebody listens is gone before it is greeted.
  const server = createServer((socket) => socket.on('error', () => {}).end(name))
  onTestFinished(() => void server.close())
  return server
}

/** Who answers at a path, or why nobody does. */
function whoAnswers(at: string): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    connect(at)
      .on('data', (data) => {
        text += data.toString()
      })
      .on('close', () => resolve(text))
      .on('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? ''))
  })
}

/** The file of a socket whose process is dead. */
async function leaveDeadSocket(): Promise<void> {
  const beside = join(folder, 'beside')
  const server = serverOf('dead')
  await new Promise<void>((resolve) => server.listen(beside, resolve))
  linkSync(beside, path)
  await new Promise((resolve) => server.close(resolve))
  expect(await whoAnswers(path)).toBe('ECONNREFUSED')
}

it.each([0o600, 0o660])('it has mode %o, whatever the umask', async (mode) => {
  const umask = process.umask(0)
  onTestFinished(() => void process.umask(umask))
  await listenOnSocket(serverOf('one'), path, { mode, gid: null })
  expect(lstatSync(path).mode & 0o777).toBe(mode)
  expect(await whoAnswers(path)).toBe('one')
  expect(readdirSync(folder)).toEqual(['admin.sock'])
})

it.runIf(process.getuid?.() === 0)('it is given to the group', async () => {
  await listenOnSocket(serverOf('one'), path, { mode: 0o660, gid: 65_534 })
  expect(lstatSync(path)).toMatchObject({ uid: 0, gid: 65_534 })
})

it('it is removed at the end, and not when another has its place', async () => {
  const server = serverOf('one')
  const file = await listenOnSocket(server, path, OWN)
  file.remove()
  expect(existsSync(path)).toBe(false)
  await listenOnSocket(serverOf('two'), path, OWN)
  file.remove()
  expect(await whoAnswers(path)).toBe('two')
})

describe('at a path that is taken', () => {
  it('what a dead process has left is replaced', async () => {
    await leaveDeadSocket()
    await listenOnSocket(serverOf('one'), path, OWN)
    expect(await whoAnswers(path)).toBe('one')
  })

  it('a socket that is listened on stays', async () => {
    await listenOnSocket(serverOf('one'), path, OWN)
    const second = listenOnSocket(serverOf('two'), path, OWN)
    await expect(second).rejects.toMatchObject({
      code: 'address-in-use',
      message: expect.stringContaining(path),
    })
    expect(await whoAnswers(path)).toBe('one')
  })

  it('of many that start at once over a dead one, one gets it and no other takes it', async () => {
    await leaveDeadSocket()
    const names = Array.from({ length: 8 }, (_, n) => `node ${n}`)
    const outcomes = await Promise.allSettled(
      names.map((name) => listenOnSocket(serverOf(name), path, OWN)),
    )
    const winners = names.filter((_, n) => outcomes[n]?.status === 'fulfilled')
    expect(winners).toEqual([await whoAnswers(path)])
    expect(readdirSync(folder).sort()).toEqual(['admin.sock'])
  })

  it('what is no socket stays', async () => {
    writeFileSync(path, 'a file')
    await expect(listenOnSocket(serverOf('one'), path, OWN)).rejects.toMatchObject({
      code: 'bind-failed',
      message: expect.stringContaining('is not a socket'),
    })
    expect(lstatSync(path).isFile()).toBe(true)
  })
})

it('a folder that is missing is said', async () => {
  const missing = join(folder, 'none', 'admin.sock')
  await expect(listenOnSocket(serverOf('one'), missing, OWN)).rejects.toMatchObject({
    code: 'bind-failed',
    message: expect.stringContaining(missing),
  })
})

it('nobody connects before it has its place, even where all may enter the folder', async () => {
  chmodSync(folder, 0o777)
  const seen: string[] = []
  const server = serverOf('one')
  server.once('listening', () => {
    for (const name of readdirSync(folder)) {
      seen.push(`${name.length} ${(lstatSync(join(folder, name)).mode & 0o777).toString(8)}`)
    }
  })
  await listenOnSocket(server, path, OWN)
  expect(seen).toEqual(['7 700'])
})
