import { createReadStream, type Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { SluiceError } from '../../base/errors.ts'

/** Which files are read, and how what cannot be read is told. */
export interface FileBounds {
  readonly bytesMax: number
  /** Whether it is a file of a kind to read; opening a pipe would wait for somebody to write. */
  readonly isReadable: (found: Stats) => boolean
  readonly unreadable: (why: string, cause?: unknown) => SluiceError
  readonly tooLong: () => SluiceError
}

/**
 * Reads a file as a whole, and of one that is too long no more than a byte beyond the bound.
 *
 * @throws SluiceError what the bounds make of it
 */
export async function readBoundedFile(
  path: string,
  { bytesMax, isReadable, unreadable, tooLong }: FileBounds,
): Promise<Buffer> {
  const chunks: Buffer[] = []
  try {
    if (!isReadable(await stat(path))) throw unreadable('it is no file')
    const bytes = createReadStream(path, { start: 0, end: bytesMax })
    for await (const chunk of bytes) chunks.push(chunk as Buffer)
  } catch (error) {
    if (error instanceof SluiceError) throw error
    throw unreadable(String(error), error)
  }
  const file = Buffer.concat(chunks)
  if (file.length > bytesMax) throw tooLong()
  return file
}
