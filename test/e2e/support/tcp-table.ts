import { readFileSync } from 'node:fs'

/** The kernel's number of a connection that neither side has ended. */
const ESTABLISHED = '01'

/** That of one whose server has not answered yet. */
const OPENING = '02'

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

function rows(): { local: string; remote: string; state: string }[] {
  const [, ...lines] = readFileSync('/proc/net/tcp', 'latin1').trimEnd().split('\n')
  return lines.map((line) => {
    const [, local = '', remote = '', state = ''] = line.trim().split(/ +/)
    return { local, remote, state }
  })
}

function placeOf(port: number): string {
  return `:${port.toString(16).toUpperCase().padStart(4, '0')}`
}
