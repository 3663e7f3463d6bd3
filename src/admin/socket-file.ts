import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  renameSync,
  rmSync,
  type Stats,
} from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import { SluiceError } from '../base/errors.ts'

/** Tries to put a socket where others put theirs at the same moment. */
const TRIES_MAX = 5

/** Who may connect to a socket. */
export interface SocketAccess {
  /** Permission bits, such as 0o600. */
  readonly mode: number
  /** Group of the file; null: the process' own. */
  readonly gid: number | null
}

/** The file of a socket that listens. */
export interface SocketFile {
  /** Removes it, unless another has taken its place. Idempotent. */
  remove(): void
}

/**
 * Has a server listen on a Unix socket. It is made in a folder that only this user may enter and
 * gets its place once it has its mode, so that nobody connects who may not. What a dead process has
 * left there is replaced; where one listens, its socket stays.
 *
 * @throws SluiceError `address-in-use`, `bind-failed`
 */
export async function listenOnSocket(
  server: Server,
  path: string,
  access: SocketAccess,
): Promise<SocketFile> {
  let folder: string | undefined
  try {
    folder = mkdtempSync(`${dirname(path)}/.`)
    const made = join(folder, 's')
    await listen(server, made)
    if (access.gid !== null) chownSync(made, -1, access.gid)
    chmodSync(made, access.mode)
    const own = lstatSync(made)
    await place(made, path, folder)
    return { remove: () => removeOwn(path, own) }
  } catch (error) {
    server.close()
    throw translated(path, error)
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Gives a socket its place, where nobody listens. */
async function place(made: string, path: string, folder: string): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    try {
      // Unlike a rename this never takes the place of what is there.
      linkSync(made, path)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const present = lstatSync(path, { throwIfNoEntry: false })
    if (present === undefined) continue
    if (!present.isSocket()) {
      throw new SluiceError('bind-failed', `${path} exists and is not a socket`)
    }
    if (await isListenedOn(path)) break
    takeAway(path, present, join(folder, 'old'))
  }
  throw new SluiceError('address-in-use', `another process listens on ${path}`)
}

/**
 * Takes a socket away on which nobody listens. Where another process has just put its own there,
 * that goes back.
 */
function takeAway(path: string, dead: Stats, aside: string): void {
  try {
    renameSync(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if (!isSameFile(lstatSync(aside), dead)) linkSync(aside, path)
  rmSync(aside)
}

/** Whether somebody listens; who cannot be asked counts too. */
function isListenedOn(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT')
    })
  })
}

function removeOwn(path: string, own: Stats): void {
  try {
    const present = lstatSync(path, { throwIfNoEntry: false })
    if (present !== undefined && isSameFile(present, own)) rmSync(path, { force: true })
  } catch {
    // The folder has become unreachable. A file that stays is replaced by the next start.
  }
}

function isSameFile(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.dev === other.dev
}

function translated(path: string, error: unknown): SluiceError {
  if (error instanceof SluiceError) return error
  const { code, syscall, message } = error as NodeJS.ErrnoException
  if (syscall === 'chown' && code === 'EPERM') {
    const why = 'this user is not in the group that admin.socket names'
    return new SluiceError('bind-failed', `the admin socket ${path}: ${why}`, error)
  }
  return new SluiceError('bind-failed', `the admin socket ${path}: ${message}`, error)
}
