import { describe, expect, it } from 'vitest'
import { inetEndpoint, type TlsCertificate, type TlsFacts } from '../../../../src/net/conn.ts'
import {
  encodeProxyHeader,
  parseProxyHeader,
} from '../../../../src/net/proxy-protocol/proxy-protocol.ts'
import { TLS_FACTS } from '../../../fixtures/tls-facts.ts'

const [SOURCE, DESTINATION] = [inetEndpoint('192.0.2.1', 1), inetEndpoint('192.0.2.2', 2)]
const SHOWN: TlsCertificate = { der: Buffer.alloc(1), sha1: '', fields: null }
const NAMED = named('alice')

function named(value: string): TlsCertificate {
  const subject = [
    { type: 'O', value: 'Example' },
    { type: 'CN', value },
    { type: 'CN', value: 'another' },
  ]
  return { ...SHOWN, fields: { subject } as unknown as NonNullable<TlsCertificate['fields']> }
}

/** What stands behind the addresses, as hexadecimal digits; the header is one that is understood. */
function valuesOf(version: 2 | '2-ssl' | '2-ssl-cn', tls: TlsFacts | null): string {
  const header = Buffer.from(encodeProxyHeader(version, SOURCE, DESTINATION, tls) as Uint8Array)
  expect(parseProxyHeader(header, 0, header.length)).toMatchObject({
    outcome: 'complete',
    bytes: header.length,
  })
  return header.toString('hex', 28)
}

/** Bytes as HAProxy 2.6 was seen to send them. */
describe('a header of version 2 tells of TLS', () => {
  const without = { ...TLS_FACTS, alpn: null }
  const version = '210007544c5376312e33'
  it.each([
    [2, null, ''],
    [2, without, ''],
    [2, TLS_FACTS, '010008687474702f312e31'],
    ['2-ssl', null, '2000050000000000'],
    ['2-ssl', without, `20000f0100000000${version}`],
    ['2-ssl', TLS_FACTS, `010008687474702f312e3120000f0100000000${version}`],
    ['2-ssl', { ...without, peerCertificate: NAMED }, `20000f0700000000${version}`],
    [
      '2-ssl',
      { ...without, peerCertificate: NAMED, isResumed: true },
      `20000f0500000000${version}`,
    ],
    [
      '2-ssl',
      { ...without, peerCertificate: NAMED, verification: 10 },
      `20000f070000000a${version}`,
    ],
    ['2-ssl-cn', without, `20000f0100000000${version}`],
    ['2-ssl-cn', { ...without, peerCertificate: SHOWN }, `20000f0700000000${version}`],
    [
      '2-ssl-cn',
      { ...without, peerCertificate: NAMED },
      `2000170700000000${version}220005616c696365`,
    ],
  ] as const)('%s', (form, tls, expected) => {
    expect(valuesOf(form, tls)).toBe(expected)
  })

  it('within the bound of its reader, however long the name is', () => {
    const long = { ...without, peerCertificate: named('x'.repeat(100_000)) }
    expect(valuesOf('2-ssl-cn', long).length).toBeLessThan(2 * 300)
  })

  it('not where the addresses are unknown, whose content is ignored', () => {
    const unknown = { ...SOURCE, kind: 'unix' } as typeof SOURCE
    const header = encodeProxyHeader('2-ssl-cn', unknown, DESTINATION, TLS_FACTS) as Uint8Array
    expect(header).toHaveLength(16)
  })
})
