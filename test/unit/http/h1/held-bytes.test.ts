import { describe, expect, it } from 'vitest'
import { HeldBytes } from '../../../../src/http/h1/held-bytes.ts'
import { DEFAULT_HEAD_LIMITS } from '../../../../src/http/limits.ts'

const { headBytesMax, requestLineBytesMax } = DEFAULT_HEAD_LIMITS

/** Adds text byte by byte; returns how long what is held was each time it was worth reading. */
function addSlowly(held: HeldBytes, text: string): number[] {
  const worthy: number[] = []
  const view = Buffer.from(text, 'latin1')
  for (let at = 0; at < view.length; at++) {
    if (held.add(view, at, at + 1)) worthy.push(held.length)
  }
  return worthy
}

describe('held bytes', () => {
  it('are worth reading again with every line, and with nothing else', () => {
    const held = new HeldBytes(DEFAULT_HEAD_LIMITS)
    const lines = ['GET / HTTP/1.1\r\n', 'Host: a\r\n', '\r\n']
    expect(addSlowly(held, lines.join(''))).toEqual([16, 25, 27])
    expect(held.bytes.toString()).toBe(lines.join(''))
  })

  it('are worth reading where they reach a bound, once each', () => {
    const held = new HeldBytes(DEFAULT_HEAD_LIMITS)
    expect(addSlowly(held, 'x'.repeat(2 * headBytesMax))).toEqual([
      requestLineBytesMax + 2,
      headBytesMax,
    ])
    const inPieces = new HeldBytes(DEFAULT_HEAD_LIMITS)
    const piece = Buffer.alloc(5000, 'x')
    const worth = Array.from({ length: 5 }, () => inPieces.add(piece, 0, piece.length))
    expect(worth).toEqual([false, true, false, true, false])
  })

  it('see an LF only in what was added', () => {
    const held = new HeldBytes(DEFAULT_HEAD_LIMITS)
    const view = Buffer.from('\nab\n')
    expect(held.add(view, 1, 3)).toBe(false)
    expect(held.add(view, 3, 4)).toBe(true)
    expect(held.add(view, 1, 2)).toBe(false)
    held.drop(3)
    expect(held.add(view, 2, 3)).toBe(false)
    expect(held.add(view, 2, 4)).toBe(true)
    expect(held.bytes.toString()).toBe('abb\n')
  })

  it('are given up from the front, and come out in order whatever their number', () => {
    const held = new HeldBytes(DEFAULT_HEAD_LIMITS)
    let sent = 0
    let taken = ''
    for (let turn = 0; turn < 300; turn++) {
      const text = Array.from({ length: turn }, () => String.fromCharCode(97 + (sent++ % 26)))
      held.add(Buffer.from(text.join('')), 0, turn)
      const count = Math.min(held.length, 2 * (turn % 70))
      taken += held.bytes.subarray(0, count).toString()
      held.drop(count)
    }
    taken += held.bytes.toString()
    held.drop(held.length)
    expect(held.length).toBe(0)
    expect(taken).toBe(
      Array.from({ length: sent }, (_, n) => String.fromCharCode(97 + (n % 26))).join(''),
    )
  })

  it('are given up at once, and what is given up stays readable', () => {
    const held = new HeldBytes(DEFAULT_HEAD_LIMITS)
    held.add(Buffer.from('first'), 0, 5)
    const { bytes } = held
    held.clear()
    expect(held.length).toBe(0)
    // What is left of a response is held again out of the view that it was read from.
    held.add(bytes, 2, 5)
    expect([bytes.toString(), held.bytes.toString()]).toEqual(['first', 'rst'])
    held.clear()
    held.drop(9)
    expect(held.length).toBe(0)
  })

  it('take no more memory than they double to, or need', () => {
    const held = new HeldBytes(DEFAULT_HEAD_LIMITS)
    const room = (): number => held.bytes.buffer.byteLength
    addSlowly(held, 'x'.repeat(headBytesMax))
    expect(room()).toBe(headBytesMax)
    held.add(Buffer.alloc(65_536), 0, 65_536)
    expect(room()).toBe(headBytesMax + 65_536)
  })
})
