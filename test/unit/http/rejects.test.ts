import { describe, expect, it } from 'vitest'
import { REJECT, REJECTS, rejectOf } from '../../../src/http/rejects.ts'

describe('rejects', () => {
  const codes = Object.values(REJECT)

  it('have a negative code each', () => {
    expect(codes.every((code) => code < 0)).toBe(true)
    expect(new Set(codes).size).toBe(REJECTS.length)
  })

  it('have a name each', () => {
    const names = REJECTS.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(names.filter((name) => !/^[a-z0-9.-]+$/.test(name))).toEqual([])
  })

  it('are found by their code', () => {
    expect(rejectOf(REJECT.obsFold)).toMatchObject({ name: 'obs-fold', status: 400 })
    expect(rejectOf(REJECT.trailerForbidden).name).toBe('trailer-forbidden')
    expect(rejectOf(REJECT.lineTooLong).status).toBe(414)
    expect(rejectOf(REJECT.tooManyHeaders).status).toBe(431)
    expect(rejectOf(REJECT.codingUnknown).status).toBe(501)
    expect(rejectOf(REJECT.version).status).toBe(505)
  })
})
