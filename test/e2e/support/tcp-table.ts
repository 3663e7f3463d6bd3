import { readFileSync } from 'node:fs'

/** The kernel's number of a connection that neither side has ended. */
const ESTABLISHED = '01'

/** That of one whose server has not answered yet. */
const OPENING = '02'

/** That of a socket that is listened on. */
const LISTENING = '0A'

/** How many established IPv4 connections a server on this port has, as Linux tells it. */
export function establishedOn(port: number): number {
  return rows().filter(({ local, state }) => local.endsWith(placeOf(port)) && state === ESTABLISHED)
    .length
}

/** How many IPv4 connections are being opened to this port. */
export function openingTo(port: number): number {
  return rows().filter(({ remote, state }) => remote.endsWith(placeOf(port)) && state === OPENING)
    .length
}

/** How many IPv4 connections wait to be accepted on this port. */
export function queuedFor(port: number): number {
  const listener = rows().find(({ local, state }) => {
    return local.endsWith(placeOf(port)) && state === LISTENING
  })
  if (listener === undefined) throw new Error(`nobody listens on port ${port}`)
  return listener.unread
}

interface Row {
  readonly local: string
  readonly remote: string
  readonly state: string
  /** Bytes that nobody has read; of a listening socket, connections that nobody has accepted. */
  readonly unread: number
}

function rows(): Row[] {
  const [, ...lines] = readFileSync('/proc/net/tcp', 'latin1').trimEnd().split('\n')
  return lines.map((line) => {
    const [, local = '', remote = '', state = '', queues = ''] = line.trim().split(/ +/)
    return { local, remote, state, unread: Number.parseInt(queues.split(':')[1] ?? '', 16) }
  })
}

function placeOf(port: number): string {
  return `:${port.toString(16).toUpperCase().padStart(4, '0')}`
}
