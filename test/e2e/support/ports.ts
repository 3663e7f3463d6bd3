import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Ports are taken from below Linux' ephemeral range, so that no outgoing connection sits on one
 * between the moment it is found free and the moment it is bound.
 */
const FIRST_PORT = 20_000
const LAST_PORT = 32_000

let next = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT))

/**
 * A port of 127.0.0.1 that nobody listens on, another one at each call. On Linux no other process
 * that asks here is given it while this one lives, whether it is bound yet or not.
 */
export async function freePort(): Promise<number> {
  for (let tries = FIRST_PORT; tries < LAST_PORT; tries++) {
    const port = next
    next = port === LAST_PORT ? FIRST_PORT : port + 1
    if ((await reserve(port)) && (await isFree(port))) return port
  }
  throw new Error(`no free port between ${FIRST_PORT} and ${LAST_PORT}`)
}

/** Takes a name that only one process of a host can have, and that goes with it. */
async function reserve(port: number): Promise<boolean> {
  if (process.platform !== 'linux') return true
  // The name of a socket in the abstract namespace, see unix(7).
  const server = createServer().listen(`\0sluice-test-port-${port}`)
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.unref()
  return true
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
