import { describe, expect, it } from 'vitest'
import { isIdempotent, METHODS } from '../../../src/http/methods.ts'

describe('methods', () => {
  it('are idempotent as RFC 9110 section 9.2.2 has it', () => {
    const idempotent = ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']
    expect(METHODS.filter(isIdempotent)).toEqual(idempotent)
    expect(['get', 'PURGE', ''].filter(isIdempotent)).toEqual([])
  })
})
