import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { constants } from 'node:os'
import { onTestFinished } from 'vitest'
import { takeSocketError } from '../../../src/net/descriptor.ts'
import { descriptorOf } from '../../../src/net/engines/node/node-handle.ts'

const TIMEOUT_MS = 60_000

/** What a raw exchange waits for. */
export interface RawOptions {
  /** Stops reading once the text received so far satisfies this; default: when the peer ends. */
  readonly until?: (text: string) => boolean
  /** Sends FIN after the bytes. */
  readonly halfClose?: boolean
}

/** What came back. */
export interface RawAnswer {
  /** All bytes received, as latin1. */
  readonly text: string
  /** How the connection stood at the end. */
  readonly ending: 'open' | 'ended' | 'reset'
}

/**
 * Opens a connection that is closed when the test is over.
 *
 * @param allowHalfOpen keeps our side open when the peer ends its own; default: ends it too
 * @param localAddress our own address, of 127.0.0.0/8
 */
export async function openSocket(
  port: number,
  allowHalfOpen = false,
  localAddress = '127.0.0.1',
): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen, localAddress })
  // An error while nobody reads is seen by the next who does.
  socket.on('error', () => {})
  onTestFinished(() => {
    socket.destroy()
  })
  try {
    await once(socket, 'connect')
  } catch (error) {
    // A peer that had accepted may reset before this side is told that it has.
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error
  }
  return socket.pause()
}

/** Writes bytes on a new connection and collects what comes back. */
export async function rawExchange(
  port: number,
  bytes: string | Buffer,
  options: RawOptions = {},
): Promise<RawAnswer> {
  const socket = await openSocket(port)
  const answer = readUntil(socket, options.until)
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  if (options.halfClose === true) socket.end()
  const settled = await answer
  socket.destroy()
  return settled
}

/** A reset behind an end, which is told as another error, does not take that back. */
function isReset(socket: Socket): boolean {
  return !socket.destroyed && takeSocketError(descriptorOf(socket)) === constants.errno.ECONNRESET
}

/**
 * Reads from an open connection until the peer ends it, or until the text is as wanted.
 *
 * @throws Error with what was received, after a minute
 */
export function readUntil(
  socket: Socket,
  wanted: (text: string) => boolean = () => false,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let text = ''
    const stop = (): void => {
      clearTimeout(timer)
      // What comes next stays in the socket for the next reader.
      socket.pause().off('data', onData).off('end', onEnd).off('close', onClose)
    }
    const settle = (ending: RawAnswer['ending']): void => {
      stop()
      resolve({ text, ending })
    }
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1')
      if (wanted(text)) settle('open')
    }
    // To libuv a reset right behind data is an end of the stream (src/net/engines/node/node-conn.ts).
    const onEnd = (): void => settle(isReset(socket) ? 'reset' : 'ended')
    const onClose = (): void => settle('reset')
    const timer = setTimeout(() => {
      stop()
      reject(new Error(`no more came after: ${text.slice(-1000)}`))
    }, TIMEOUT_MS)
    socket.on('data', onData).once('end', onEnd).once('close', onClose).resume()
    if (socket.destroyed) onClose()
  })
}
