import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RDP_REQUEST_BYTES_MAX, readRdpCookie } from '../../../src/rules/rdp-cookie.ts'
import { rdpRequest } from './rdp-requests.ts'

/** What is read of a text: the value, or why there is none. */
function read(text: string, name = 'mstshash'): string {
  const view = Buffer.from(text, 'latin1')
  const reading = readRdpCookie(view, view.length, name)
  return reading.kind === 'found' ? `=${reading.value}` : reading.kind
}

const REQUEST = rdpRequest('Cookie: mstshash=eltons\r\n')

describe('the cookie of RDP', () => {
  it.each([
    ['as clients send it', REQUEST, '=eltons'],
    ['without a negotiation behind it', rdpRequest('Cookie: mstshash=eltons\r\n', ''), '=eltons'],
    ['in other letters', rdpRequest('COOKIE:MstsHash=Eltons\r\n'), '=Eltons'],
    ['with more blanks', rdpRequest('Cookie:    mstshash=a b\r\n'), '=a b'],
    ['that is empty', rdpRequest('Cookie: mstshash=\r\n'), '='],
    ['with bytes that are no text', rdpRequest('Cookie: mstshash=\xff\x00\n\r\n'), '=\xff\x00\n'],
    ['of another name', rdpRequest('Cookie: msts=3640205228.15629.0000\r\n'), 'absent'],
    ['of a longer name', rdpRequest('Cookie: mstshash2=x\r\n'), 'absent'],
    ['of another field', rdpRequest('Cookies: mstshash=x\r\n'), 'absent'],
    ['behind another field', rdpRequest('A: b\r\nCookie: mstshash=x\r\n'), 'absent'],
    ['without an end of line', rdpRequest('Cookie: mstshash=x', ''), 'absent'],
    ['with a carriage return alone', rdpRequest('Cookie: mstshash=x\ry\r\n'), 'absent'],
    ['that is not there', rdpRequest(''), 'absent'],
    ['in what is no request', REQUEST.replace('\xe0', '\xd0'), 'absent'],
    ['in another version of TPKT', REQUEST.replace('\x03', '\x02'), 'absent'],
    ['in TLS', '\x16\x03\x01\x02\x00\x01', 'absent'],
    ['beyond the length of the request', `\x03\x00\x00\x0b${REQUEST.slice(4)}`, 'absent'],
    ['in a request of no length', `\x03\x00\x00\x00${REQUEST.slice(4)}`, 'absent'],
    ['of nothing', '', 'incomplete'],
  ])('%s', (_, text, value) => {
    expect(read(text)).toBe(value)
  })

  it('may have another name', () => {
    expect(read(rdpRequest('Cookie: msts=3640205228.15629.0000\r\n'), 'msts')).toBe(
      '=3640205228.15629.0000',
    )
  })

  it('is decided within the bytes that are looked at, whatever they are', () => {
    const endless = `\x03\x00\xff\xff\x06\xe0${'\0'.repeat(5)}Cookie: mstshash=${'x'.repeat(2000)}`
    expect(read(endless.slice(0, RDP_REQUEST_BYTES_MAX - 1))).toBe('incomplete')
    expect(read(endless.slice(0, RDP_REQUEST_BYTES_MAX))).toBe('absent')
    fc.assert(
      fc.property(fc.uint8Array({ minLength: RDP_REQUEST_BYTES_MAX, maxLength: 1100 }), (bytes) => {
        const view = Buffer.from(bytes)
        expect(readRdpCookie(view, view.length, 'mstshash').kind).not.toBe('incomplete')
      }),
    )
  })

  it('is decided once, however the bytes come', () => {
    for (const text of [REQUEST, rdpRequest('Cookie: msts=1\r\n'), rdpRequest('')]) {
      const readings = Array.from({ length: text.length + 1 }, (_, n) => read(text.slice(0, n)))
      const first = readings.findIndex((reading) => reading !== 'incomplete')
      expect(readings.slice(first)).toEqual(Array(readings.length - first).fill(read(text)))
    }
    // It is known with its own end of line, before the rest of the request.
    const line = REQUEST.indexOf('\n')
    expect([read(REQUEST.slice(0, line)), read(REQUEST.slice(0, line + 1))]).toEqual([
      'incomplete',
      '=eltons',
    ])
  })
})
