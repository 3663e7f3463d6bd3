import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  encodeHealthRequest,
  readHealthResponse,
} from '../../../../src/health/probes/grpc-message.ts'
import { framed, healthResponse } from '../grpc-server.ts'

const read = (hex: string): ReturnType<typeof readHealthResponse> =>
  readHealthResponse(Buffer.from(hex.replaceAll(' ', ''), 'hex'))

describe('a request', () => {
  it.each([
    ['', '00 00000000'],
    ['a', '00 00000003 0a 01 61'],
    ['x'.repeat(200), `00 000000cb 0a c801 ${'78'.repeat(200)}`],
  ])('for "%s" has the bytes of gRPC', (service, hex) => {
    expect(encodeHealthRequest(service).toString('hex')).toBe(hex.replaceAll(' ', ''))
  })
})

describe('a response', () => {
  it.each([
    ['00 00000000', 'UNKNOWN'],
    ['00 00000002 08 00', 'UNKNOWN'],
    ['00 00000002 08 01', 'SERVING'],
    ['00 00000002 08 02', 'NOT_SERVING'],
    ['00 00000002 08 03', 'SERVICE_UNKNOWN'],
    ['00 00000002 08 04', 'status 4'],
    // An encoder may spend more bytes than it needs.
    ['00 00000003 08 8100', 'SERVING'],
    // The last one counts.
    ['00 00000004 08 02 08 01', 'SERVING'],
    // Fields that later versions may have: a number, bytes, fixed ones.
    ['00 00000004 10 05 08 01', 'SERVING'],
    ['00 00000006 12 02 6161 08 01', 'SERVING'],
    ['00 00000007 15 00000000 08 01', 'SERVING'],
    ['00 0000000b 11 0000000000000000 08 01', 'SERVING'],
    ['00 00000006 08 01 12 02 6161', 'SERVING'],
  ])('of %s is %s', (hex, status) => {
    expect(read(hex)).toEqual({ kind: 'complete', status })
  })

  it.each([
    ['01 00000002 08 01', 'The answer is compressed'],
    ['01', 'The answer is compressed'],
    ['00 00000002 08 01 00 00000002 08 01', 'More than one answer'],
    ['00 00000002 08 01 00', 'More than one answer'],
    ['00 00000001 08', 'Not a health status'],
    ['00 00000002 08 81', 'Not a health status'],
    ['00 00000002 00 01', 'Not a health status'],
    // Another type than a number, groups, types that there are not.
    ['00 00000003 0a 01 61', 'Not a health status'],
    ['00 00000002 13 14', 'Not a health status'],
    ['00 00000002 16 01', 'Not a health status'],
    // Longer than the message.
    ['00 00000003 12 05 61', 'Not a health status'],
    ['00 00000003 15 0000', 'Not a health status'],
    ['00 0000000c 08 ffffffffffffffffffff 01', 'Not a health status'],
  ])('of %s is malformed: %s', (hex, problem) => {
    expect(read(hex)).toEqual({ kind: 'malformed', problem })
  })

  it('is incomplete until its last byte is there', () => {
    const whole = healthResponse(1)
    for (let length = 0; length < whole.length; length++) {
      expect(readHealthResponse(whole.subarray(0, length))).toEqual({ kind: 'incomplete' })
    }
  })

  it('never throws, and takes only what a simple reader takes', () => {
    // Fields of one byte each for tag and value: what they say can be seen.
    const pairs = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 15 }), fc.integer({ min: 0, max: 127 })),
    )
    fc.assert(
      fc.property(pairs, (fields) => {
        const message = Buffer.from(fields.flatMap(([field, value]) => [field << 3, value]))
        const status = fields.findLast(([field]) => field === 1)?.[1] ?? 0
        const words = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']
        expect(readHealthResponse(framed(message))).toEqual({
          kind: 'complete',
          status: words[status] ?? `status ${status}`,
        })
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, isFramed) => {
        const body = isFramed ? framed(Buffer.from(bytes)) : Buffer.from(bytes)
        expect(['incomplete', 'malformed', 'complete']).toContain(readHealthResponse(body).kind)
      }),
    )
  })
})
