import { describe, expect, it } from 'vitest'
import { inetEndpoint } from '../../../src/net/conn.ts'
import { readSocketName, socketName } from '../../../src/net/socket-name.ts'

describe('a socket name', () => {
  it.each([
    ['10.1.2.3', 258, '020001020a0102030000000000000000'],
    ['::1', 80, '0a000050000000000000000000000000000000000000000100000000'],
    ['2001:db8::7', 80, '0a0000500000000020010db800000000000000000000000700000000'],
  ])('of %s and port %i', (host, port, hex) => {
    const name = socketName({ kind: 'inet', host, port }) as Uint8Array
    expect(Buffer.from(name).toString('hex')).toBe(hex)
    expect(readSocketName(Buffer.from(name))).toEqual(inetEndpoint(host, port))
  })

  it('is nothing for names and for Unix sockets', () => {
    expect(socketName({ kind: 'inet', host: 'localhost', port: 80 })).toBeNull()
    expect(socketName({ kind: 'inet', host: 'fe80::1%eth0', port: 80 })).toBeNull()
    expect(socketName({ kind: 'unix', path: '/run/app.sock' })).toBeNull()
  })

  it('of an IPv4 client of a dual-stack socket is read as IPv4', () => {
    const name = '0a0000500000000000000000000000000000ffff7f00000100000000'
    expect(readSocketName(Buffer.from(name, 'hex'))).toEqual(inetEndpoint('127.0.0.1', 80))
  })

  it.each([
    '',
    '02',
    '0200',
    '0100',
    '02000102',
    `0a00${'00'.repeat(14)}`,
    `0200${'00'.repeat(26)}`,
  ])('is not read from %j', (hex) => {
    expect(readSocketName(Buffer.from(hex, 'hex'))).toBeNull()
  })
})
