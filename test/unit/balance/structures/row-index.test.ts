import fc from 'fast-check'
import { expect, it } from 'vitest'
import { RowIndex } from '../../../../src/balance/structures/row-index.ts'

it('finds each candidate by its row, and nobody at other rows', () => {
  const rows = fc.uniqueArray(fc.nat(300), { maxLength: 40 })
  fc.assert(
    fc.property(rows, fc.integer({ min: -5, max: 310 }), (written, row) => {
      expect(new RowIndex(Int32Array.from(written)).find(row)).toBe(written.indexOf(row))
    }),
  )
})
