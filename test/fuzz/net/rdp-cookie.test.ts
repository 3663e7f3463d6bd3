import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RDP_REQUEST_BYTES_MAX, readRdpCookie } from '../../../src/rules/rdp-cookie.ts'

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 2000)

/** Pieces of a request, right and wrong ones, so that most texts are nearly one. */
const piece = fc.constantFrom(
  ...['\x03\x00\x00', '\x03', '\x00', '\x2a', '\x0b', '\x06', '\xe0', '\xe5', '\xd0', '\0\0\0\0\0'],
  ...['Cookie:', 'cookie:', 'Cookie', ' ', '  ', 'mstshash=', 'MSTSHASH=', 'msts', '=', 'user'],
  ...['\r\n', '\r', '\n', 'x'.repeat(300)],
)
const head = fc
  .tuple(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 0, max: 255 }))
  .map(
    ([length, type]) =>
      `\x03\x00${String.fromCharCode(length >> 8, length & 255)}\x06${String.fromCharCode(type)}\0\0\0\0\0`,
  )
const right = head.map((text) => `${text.slice(0, 5)}\xe0${text.slice(6)}`)
const assembled = fc
  .tuple(fc.oneof(right, right, head, fc.constant('')), fc.array(piece, { maxLength: 14 }))
  .map(([start, pieces]) => start + pieces.join(''))

/** A request that is right but for one byte, perhaps. */
const touched = fc
  .tuple(fc.string({ maxLength: 20 }), fc.boolean(), fc.nat(80), fc.integer({ min: 0, max: 255 }))
  .map(([user, isTouched, at, byte]) => {
    const variable = `Cookie: mstshash=${user.replace(/[^a-z]/g, 'u')}\r\n\x01\x00\x08\x00`
    const text = `\x03\x00\x00${String.fromCharCode(11 + variable.length)}\x06\xe0\0\0\0\0\0${variable}`
    return isTouched ? text.slice(0, at) + String.fromCharCode(byte) + text.slice(at + 1) : text
  })

const input = fc.oneof(assembled, touched)

/** The same said by one pattern over all that may be looked at; it cannot tell what is incomplete. */
function twin(text: string): string | null {
  if (text.length < 11) return null
  const length = text.charCodeAt(2) * 256 + text.charCodeAt(3)
  const looked = text.slice(0, Math.min(length, RDP_REQUEST_BYTES_MAX))
  if (!/^[\xe0-\xef]/.test(looked.slice(5)) || looked[0] !== '\x03') return null
  return /^cookie: *mstshash=([^\r]*)\r\n/i.exec(looked.slice(11))?.[1] ?? null
}

describe('the cookie of RDP', () => {
  it('is what a simple reader finds, by whole and byte by byte, and decided once', () => {
    let found = 0
    fc.assert(
      fc.property(input, (text) => {
        const view = Buffer.from(text, 'latin1')
        const whole = readRdpCookie(view, view.length, 'mstshash')
        const expected = twin(text)
        expect(whole.kind === 'found' ? whole.value : null).toBe(expected)
        if (expected !== null) found++
        for (let length = 0; length <= view.length; length++) {
          const part = readRdpCookie(view, length, 'mstshash')
          if (part.kind !== 'incomplete') expect(part).toEqual(whole)
        }
      }),
      { numRuns: RUNS },
    )
    expect(found).toBeGreaterThan(0)
  })
})
