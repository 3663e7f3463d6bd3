import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { avalanche, serverId, textHashOf } from '../../../../src/balance/structures/hashing.ts'
import type { HashFunction } from '../../../../src/model/config.ts'

const hash = (name: HashFunction, text: string, mixes = false): number =>
  textHashOf({ method: 'map-based', function: name, avalanche: mixes })(text)

const latin1 = fc
  .uint8Array({ maxLength: 200 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'))

const FOX = 'The quick brown fox jumps over the lazy dog'

describe('the hash functions', () => {
  // What HAProxy 2.6 answers with %[str(...),NAME] and, behind it, %[str(...),NAME(1)].
  it.each<{ name: HashFunction; text: string; plain: number; mixed: number }>([
    { name: 'sdbm', text: 'a', plain: 97, mixed: 1830748055 },
    { name: 'sdbm', text: '/index.html', plain: 858007926, mixed: 4217574924 },
    { name: 'sdbm', text: '\xc3\xbc\xff\0z', plain: 1704926208, mixed: 758854654 },
    { name: 'sdbm', text: FOX, plain: 2359783795, mixed: 4144961173 },
    { name: 'djb2', text: 'a', plain: 177670, mixed: 3548763807 },
    { name: 'djb2', text: 'user-4711', plain: 3162547166, mixed: 1621975978 },
    { name: 'djb2', text: '\xc3\xbc\xff\0z', plain: 372440797, mixed: 912575220 },
    { name: 'djb2', text: FOX, plain: 885799134, mixed: 3419350371 },
    { name: 'wt6', text: 'a', plain: 1900802597, mixed: 1986649387 },
    { name: 'wt6', text: 'abc', plain: 2483038440, mixed: 266135527 },
    { name: 'wt6', text: '/index.html', plain: 822151038, mixed: 2986733765 },
    { name: 'wt6', text: '\xc3\xbc\xff\0z', plain: 35485045, mixed: 1829900921 },
    { name: 'wt6', text: FOX, plain: 3840389189, mixed: 2386649459 },
    { name: 'crc32', text: 'a', plain: 3904355907, mixed: 1288200982 },
    { name: 'crc32', text: 'user-4711', plain: 288996113, mixed: 1134259309 },
    { name: 'crc32', text: '\xc3\xbc\xff\0z', plain: 830159099, mixed: 2995977474 },
    { name: 'crc32', text: FOX, plain: 1095738169, mixed: 1090730130 },
  ])('$name of $text is as in HAProxy', ({ name, text, plain, mixed }) => {
    expect(hash(name, text)).toBe(plain)
    expect(hash(name, text, true)).toBe(mixed)
  })

  it('crc32 is that of zlib', () => {
    fc.assert(
      fc.property(latin1, (text) => {
        expect(hash('crc32', text)).toBe(crc32(Buffer.from(text, 'latin1')))
      }),
    )
  })

  it.each<{ name: HashFunction; start: bigint; factor: bigint }>([
    { name: 'sdbm', start: 0n, factor: 65_599n },
    { name: 'djb2', start: 5_381n, factor: 33n },
  ])('$name is the last 32 bits of the whole sum', ({ name, start, factor }) => {
    fc.assert(
      fc.property(latin1, (text) => {
        const sum = [...Buffer.from(text, 'latin1')].reduce(
          (before, byte) => before * factor + BigInt(byte),
          start,
        )
        expect(BigInt(hash(name, text))).toBe(BigInt.asUintN(32, sum))
      }),
    )
  })

  it.each([
    { text: '42', number: 42 },
    { text: '42nd', number: 42 },
    { text: '+7', number: 7 },
    { text: '-1', number: 4294967295 },
    { text: '4294967296', number: 0 },
    { text: '18446744073709551617', number: 1 },
    { text: 'x9', number: 0 },
    { text: '-', number: 0 },
    { text: '', number: 0 },
  ])('none takes $text for $number', ({ text, number }) => {
    expect(hash('none', text)).toBe(number)
  })

  it('give whole numbers from 0 to 2^32 - 1', () => {
    const name = fc.constantFrom<HashFunction>('sdbm', 'djb2', 'wt6', 'crc32', 'none')
    fc.assert(
      fc.property(name, latin1, fc.boolean(), (each, text, mixes) => {
        const result = hash(each, text, mixes)
        expect(result).toBe(result >>> 0)
      }),
    )
  })
})

describe('avalanche', () => {
  it('gives no two numbers the same', () => {
    const numbers = Array.from({ length: 2 ** 16 }, (_, n) => [n, n << 16, ~n]).flat()
    const distinct = new Set(numbers.map((n) => n >>> 0))
    expect(new Set([...distinct].map(avalanche)).size).toBe(distinct.size)
  })

  it('changes about half of the bits with each bit', () => {
    const changed = new Array<number>(32).fill(0)
    const samples = 2_000
    for (let n = 0; n < samples; n++) {
      const number = Math.imul(n, 0x9e3779b1) >>> 0
      for (let bit = 0; bit < 32; bit++) {
        let difference = avalanche(number) ^ avalanche((number ^ (1 << bit)) >>> 0)
        for (; difference !== 0; difference &= difference - 1) changed[bit] = changed[bit]! + 1
      }
    }
    for (const bits of changed) expect(Math.abs(bits / samples - 16)).toBeLessThan(2)
  })
})

describe('serverId', () => {
  it('tells names apart that are counted up', () => {
    const names = Array.from({ length: 10_000 }, (_, n) => `app${n}`)
    expect(new Set(names.map(serverId)).size).toBe(names.length)
  })
})
