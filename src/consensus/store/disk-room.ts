import { statfs } from 'node:fs/promises'

/** What the system says where a disk has no room, or an account has used up its own. */
const FULL = /no space|quota|ENOSPC|EDQUOT/i

/** Causes of an error that are looked at. */
const CAUSES_MAX = 8

/**
 * Bytes that have to be free for a store to be opened again: as much as its largest batch takes, so
 * that it does not fail with its first write.
 */
const ROOM_BYTES_MIN = 4 * 1024 * 1024

/**
 * Whether a store has failed for lack of room alone. Such a write has left nothing behind that a
 * restart would not see for what it is. After any other failure, that of a sync above all, what the
 * system gives back of a file may never come to the disk.
 */
export function isForLackOfRoom(error: unknown): boolean {
  let cause = error
  for (let n = 0; n < CAUSES_MAX && cause instanceof Error; n++) {
    const { code = '' } = cause as NodeJS.ErrnoException
    if (FULL.test(`${code} ${cause.message}`)) return true
    cause = cause.cause
  }
  return false
}

/** Whether a folder's disk has room again, for this user. @throws what the system says */
export async function hasRoom(folder: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize >= ROOM_BYTES_MIN
}
