import type { Writable } from 'node:stream'

const CHUNK = Buffer.alloc(64 * 1024, 'x')

/** Bytes that are written as fast as their stream takes them. */
export interface Source {
  /** Bytes handed to the stream so far. */
  readonly written: () => number
}

/** Writes this many bytes, waits for `drain` whenever the stream asks for it, then ends it. */
export function pour(stream: Writable, totalBytes: number): Source {
  let written = 0
  const write = (): void => {
    while (written < totalBytes) {
      const chunk = CHUNK.subarray(0, totalBytes - written)
      written += chunk.length
      if (!stream.write(chunk)) {
        stream.once('drain', write)
        return
      }
    }
    stream.end()
  }
  write()
  return { written: () => written }
}

/** Counts what is read from a stream until it ends. */
export async function drainBytes(stream: NodeJS.ReadableStream): Promise<number> {
  let bytes = 0
  for await (const chunk of stream) bytes += chunk.length
  return bytes
}
