import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { SluiceError } from '../errors.ts'

/** Name of the file in whichever folder it is in. */
const SOCKET_NAME = 'admin.sock'

/** Where the daemon of a host has it that root runs, or systemd (`RuntimeDirectory=sluice`). */
const SYSTEM_FOLDER = '/run/sluice'

/** Whose process it is, as far as it matters for where its admin socket is. */
export interface ProcessOwner {
  readonly env: Readonly<Record<string, string | undefined>>
  /** -1 where the system knows no users. */
  readonly uid: number
}

/**
 * Where a daemon has its admin socket unless its config says otherwise: in what systemd has made
 * for it (systemd.exec(5), `$RUNTIME_DIRECTORY`); as root in `/run/sluice`; as anybody else in the
 * user's own folder (XDG Base Directory Specification, `$XDG_RUNTIME_DIR`), or where there is none
 * in a folder of the user's among the temporary ones.
 */
export function ownSocketPath({ env, uid }: ProcessOwner): string {
  return join(ownFolder(env, uid), SOCKET_NAME)
}

/** Where a command looks for a daemon, in this order: its user's own, then that of the host. */
export function usualSocketPaths(owner: ProcessOwner): readonly string[] {
  return [...new Set([ownSocketPath(owner), join(SYSTEM_FOLDER, SOCKET_NAME)])]
}

/**
 * Whether nobody else can have put a socket there: its folder is the owner's or root's, and others
 * may not write to it. A folder that is not there is nobody's trap.
 */
export function isSafePlace(path: string, uid: number): boolean {
  const folder = lstatSync(dirname(path), { throwIfNoEntry: false })
  if (folder === undefined || uid < 0) return true
  const isOwn = folder.uid === uid || folder.uid === 0 || uid === 0
  return folder.isDirectory() && isOwn && (folder.mode & 0o022) === 0
}

/**
 * Makes the folder of {@link ownSocketPath} where it is missing. Who may use the socket is for the
 * socket's mode to say, so that the folder of the host may be entered by all.
 *
 * @throws SluiceError `bind-failed` where it cannot be made, or others could put a socket there
 */
export function makeSocketFolder(path: string, uid: number): void {
  const folder = dirname(path)
  const mode = folder === SYSTEM_FOLDER ? 0o755 : 0o700
  try {
    mkdirSync(folder, { recursive: true, mode })
  } catch (error) {
    throw new SluiceError(
      'bind-failed',
      `cannot make the folder ${folder}: ${String(error)}`,
      error,
    )
  }
  if (isSafePlace(path, uid)) return
  const message = `others may write to the folder ${folder}, or it is another user's`
  throw new SluiceError('bind-failed', message)
}

function ownFolder(env: ProcessOwner['env'], uid: number): string {
  const [given = ''] = (env['RUNTIME_DIRECTORY'] ?? '').split(':')
  if (given !== '') return given
  if (uid === 0) return SYSTEM_FOLDER
  const { XDG_RUNTIME_DIR: userFolder = '' } = env
  return userFolder.startsWith('/') ? join(userFolder, 'sluice') : join(tmpdir(), `sluice-${uid}`)
}
