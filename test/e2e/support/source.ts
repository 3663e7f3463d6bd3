import { randomBytes } from 'node:crypto'
import type { Writable } from 'node:stream'
import { crc32 } from 'node:zlib'

const BLOCK = randomBytes(64 * 1024)

/** How much was sent or received, and what. */
export interface Tally {
  readonly bytes: number
  readonly checksum: number
}

/** Bytes that are written as fast as their stream takes them. */
export interface Source {
  /** Bytes handed to the stream so far. */
  readonly written: () => number
}

/** A source that knows what it has written. */
export interface TalliedSource extends Source {
  readonly tally: () => Tally
}

/**
 * Writes this many bytes, waits for `drain` whenever the stream asks for it, then ends it. Blocks
 * are numbered, so that the checksum tells when one is lost, doubled or out of its place.
 */
export function pour(stream: Writable, totalBytes: number): TalliedSource {
  let bytes = 0
  let checksum = 0
  let blocks = 0
  const write = (): void => {
    while (bytes < totalBytes) {
      const block = Buffer.from(BLOCK.subarray(0, totalBytes - bytes))
      if (block.length >= 4) block.writeUInt32LE(blocks++)
      bytes += block.length
      checksum = crc32(block, checksum)
      if (!stream.write(block)) {
        stream.once('drain', write)
        return
      }
    }
    stream.end()
  }
  write()
  return { written: () => bytes, tally: () => ({ bytes, checksum }) }
}

/** Counts what is read from a stream until it ends. */
export async function drainBytes(stream: NodeJS.ReadableStream): Promise<number> {
  return (await drain(stream)).bytes
}

/** Reads a stream to its end. */
export async function drain(stream: NodeJS.ReadableStream): Promise<Tally> {
  let bytes = 0
  let checksum = 0
  for await (const chunk of stream) {
    bytes += chunk.length
    checksum = crc32(chunk, checksum)
  }
  return { bytes, checksum }
}
