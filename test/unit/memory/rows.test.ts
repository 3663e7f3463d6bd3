import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../src/base/errors.ts'
import { RowAllocator } from '../../../src/memory/rows.ts'

describe('RowAllocator', () => {
  it('gives a name its row again, and different names different rows', () => {
    const rows = new RowAllocator()
    const app = rows.take('backend app')
    expect(rows.take('server app/app1')).not.toBe(app)
    expect(rows.take('frontend app')).not.toBe(app)
    expect(rows.take('backend app')).toBe(app)
    expect(rows.find('backend app')).toBe(app)
    expect(rows.find('backend other')).toBeUndefined()
  })

  it('gives a row of a gone name to another only after it has rested and is idle', () => {
    const rows = new RowAllocator()
    const kept = rows.take('server app/kept')
    const gone = rows.take('server app/gone')
    rows.keepOnly(new Set(['server app/kept']))
    expect(rows.take('server app/new')).not.toBe(gone)
    expect(rows.recycle(() => false)).toEqual([])
    expect(rows.recycle((row) => row === gone)).toEqual([gone])
    expect(rows.recycle(() => true)).toEqual([])
    expect(rows.take('server app/next')).toBe(gone)
    expect(rows.take('server app/kept')).toBe(kept)
  })

  it('says so when the table is full', () => {
    const rows = new RowAllocator(2)
    rows.take('frontend a')
    rows.take('frontend b')
    expect(() => rows.take('frontend c')).toThrow(SluiceError)
    expect(rows.take('frontend b')).toBe(1)
  })
})
