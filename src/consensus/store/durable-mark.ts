import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { crc32 } from 'node:zlib'

/** Number of the batch, then CRC-32 of it. */
const MARK_BYTES = 12

/** Between two writes: under load there are thousands of batches a second. */
const PAUSE_MS = 20

/**
 * A file beside the database that says how many batches were durable. It is written after the batch
 * that it counts, at most every {@link PAUSE_MS}, and not synced: it may be behind, and is never
 * ahead. A database that has fewer batches than it says has lost some that were synced, be it by bit
 * rot at the end of its log, which LevelDB takes for a write that a crash has torn, or by a file that
 * is gone.
 */
export class DurableMark {
  readonly #file: FileHandle
  readonly #closing = new AbortController()
  #wanted = 0
  #writing: Promise<void> | null = null

  private constructor(file: FileHandle) {
    this.#file = file
  }

  /**
   * Opens the file, and makes it where it is missing. That it is there is durable from then on, so
   * that a file that is missing beside a database with batches was taken away.
   *
   * @throws what the system says
   */
  static async open(path: string): Promise<{ mark: DurableMark; batch: number; isNew: boolean }> {
    const isNew = await make(path)
    const positioned = await open(path, 'r+', 0o600)
    const bytes = new Uint8Array(MARK_BYTES)
    const { bytesRead } = await positioned.read(bytes, 0, MARK_BYTES, 0)
    return {
      mark: new DurableMark(positioned),
      isNew,
      batch: bytesRead < MARK_BYTES ? 0 : batchOf(bytes),
    }
  }

  /**
   * A batch is durable. Written soon; a later one may take the place of one that waits.
   *
   * @param onFailure called where the file cannot be written
   */
  set(batch: number, onFailure: (error: unknown) => void): void {
    this.#wanted = batch
    this.#writing ??= this.#write().catch(onFailure)
  }

  /** Writes what is wanted, and closes. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#writing
    await this.#file.close()
  }

  async #write(): Promise<void> {
    const { signal } = this.#closing
    let written = 0
    while (written < this.#wanted) {
      written = this.#wanted
      await this.#file.write(bytesOf(written), 0, MARK_BYTES, 0)
      await after(PAUSE_MS, undefined, { signal }).catch(() => {})
    }
    this.#writing = null
  }
}

/** @returns false where it is there already */
async function make(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600)
    await file.close()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
  return true
}

function bytesOf(batch: number): Uint8Array {
  const bytes = new Uint8Array(MARK_BYTES)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(batch))
  view.setUint32(8, crc32(bytes.subarray(0, 8)))
  return bytes
}

/** A mark that cannot be read says nothing. */
function batchOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer)
  if (crc32(bytes.subarray(0, 8)) !== view.getUint32(8)) return 0
  return Number(view.getBigUint64(0))
}
