import { describe, expect, it } from 'vitest'
import { CertificateChoice } from '../../../../src/net/tls/certificate-choice.ts'

interface Shown {
  readonly id: string
  readonly names: readonly string[]
  readonly keyType: string
}

const shown = (id: string, keyType: string, ...names: string[]): Shown => ({ id, names, keyType })

const choice = new CertificateChoice([
  shown('first', 'rsa', 'a.example', 'www.a.example'),
  shown('wild', 'ec', '*.a.example'),
  shown('first-ec', 'ec', 'a.example'),
  shown('again', 'rsa', 'a.example', 'z.example'),
])

function idsOf(certificates: readonly Shown[] | null): string | null {
  return certificates?.map(({ id }) => id).join(' ') ?? null
}

describe('the choice of certificates', () => {
  it.each([
    ['a.example', 'first first-ec'],
    ['www.a.example', 'first'],
    ['b.a.example', 'wild'],
    ['c.b.a.example', null],
    ['.a.example', 'wild'],
    ['z.example', 'again'],
    ['example', null],
    ['*.a.example', 'wild'],
    ['', null],
    [null, null],
  ])('for %s is %s', (name, ids) => {
    expect(idsOf(choice.named(name))).toBe(ids)
  })

  it('is without a name the first, with others of its name', () => {
    expect(idsOf(choice.standard)).toBe('first first-ec')
  })

  it('may have a first one without names', () => {
    const nameless = new CertificateChoice([shown('x', 'ec'), shown('y', 'rsa', 'y.example')])
    expect(idsOf(nameless.standard)).toBe('x')
  })
})
