import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const POLL_INTERVAL_MS = 25
/** Only what never happens takes so long: a start took over 20 seconds on a machine of load 17. */
const TIMEOUT_MS = 60_000

/**
 * Polls until a probe gives something other than undefined, and returns that.
 *
 * @param what names what is waited for, in the error
 * @throws Error after a minute
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = performance.now() + TIMEOUT_MS
  while (performance.now() < deadline) {
    const found = await probe()
    if (found !== undefined) return found
    await sleep(POLL_INTERVAL_MS)
  }
  throw new Error(`waited ${TIMEOUT_MS / 1000} s for ${what}`)
}

/**
 * Polls a number until it has stayed the same for a second, and returns it.
 *
 * @throws Error when it has not settled after a minute
 */
export async function untilSteady(what: string, read: () => number): Promise<number> {
  let last = read()
  let since = performance.now()
  return until(`${what} to settle`, () => {
    const now = read()
    if (now !== last) {
      last = now
      since = performance.now()
    }
    return performance.now() - since >= 1000 ? now : undefined
  })
}

/** Waits until somebody accepts connections on a port of 127.0.0.1. */
export async function untilListening(port: number): Promise<void> {
  await until(`port ${port} to be listened on`, async () => {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return true
    } catch {
      return undefined
    } finally {
      socket.destroy()
    }
  })
}
