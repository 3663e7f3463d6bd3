import { readFileSync } from 'node:fs'

/** The kernel's number of a connection that neither side has ended. */
const ESTABLISHED = '01'

/** How many established IPv4 connections a server on this port has, as Linux tells it. */
export function establishedOn(port: number): number {
  const place = port.toString(16).toUpperCase().padStart(4, '0')
  const [, ...rows] = readFileSync('/proc/net/tcp', 'latin1').trimEnd().split('\n')
  return rows.filter((row) => {
    const [, local = '', , state] = row.trim().split(/ +/)
    return local.endsWith(`:${place}`) && state === ESTABLISHED
  }).length
}
