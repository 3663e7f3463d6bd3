import { describe, expect, it } from 'vitest'
import type { TrafficTlsConfig } from '../../../../src/model/outgoing-tls.ts'
import type { PlannedOutgoingTls } from '../../../../src/model/plan.ts'
import { ClientTlsContexts } from '../../../../src/net/tls/client-tls.ts'
import { UpstreamTls } from '../../../../src/worker/servers/upstream-tls.ts'
import { createAuthority } from '../../../fixtures/certificates.ts'
import { outgoingTls } from '../../../fixtures/outgoing-tls.ts'

const PLAN = outgoingTls(createAuthority().cert)
const TRAFFIC: TrafficTlsConfig = { sni: null, alpn: [], reusesSessions: true }
const EXPRESSION = { kind: 'expression', text: 'req.hdr(host)' } as const

describe('TLS of a server', () => {
  const contexts = new ClientTlsContexts()
  const known = new UpstreamTls(PLAN, TRAFFIC, contexts)
  const isSame = (plan: Partial<PlannedOutgoingTls>, traffic: Partial<TrafficTlsConfig>): boolean =>
    known.isSameAs({
      // A plan that has come from another thread holds nothing of the one before.
      plan: structuredClone({ ...PLAN, ...plan }),
      trafficTls: { ...TRAFFIC, ...traffic },
      contexts,
    })

  it('is the same where it is spoken in the same way', () => {
    expect(isSame({}, {})).toBe(true)
  })

  it.each<[string, Partial<PlannedOutgoingTls>, Partial<TrafficTlsConfig>]>([
    ['authorities', { authorities: { caFile: '/ca.pem', pem: 'other' } }, {}],
    ['lists', { revocations: 'list' }, {}],
    ['versions', { maxVersion: 'TLSv1.2' }, {}],
    ['verification', { verify: false }, {}],
    ['name to verify', { verifyHost: 'a.example' }, {}],
    ['name to ask for', {}, { sni: { kind: 'name', name: 'a.example' } }],
    ['protocols', {}, { alpn: ['http/1.1'] }],
    ['reuse of sessions', {}, { reusesSessions: false }],
  ])('is another one with other %s', (_, plan, traffic) => {
    expect(isSame(plan, traffic)).toBe(false)
  })

  it('verifies the name that is asked for, unless another is given', () => {
    const sni = { kind: 'name', name: 'a.example' } as const
    const settingsOf = (plan: PlannedOutgoingTls) =>
      new UpstreamTls(plan, { ...TRAFFIC, sni }, contexts).settingsFor(null)
    expect(settingsOf(PLAN)).toMatchObject({
      serverName: 'a.example',
      certificateName: 'a.example',
    })
    expect(settingsOf({ ...PLAN, verifyHost: 'b.example' })).toMatchObject({
      serverName: 'a.example',
      certificateName: 'b.example',
    })
  })

  it('asks for what an expression has given', () => {
    const tls = new UpstreamTls(PLAN, { ...TRAFFIC, sni: EXPRESSION }, contexts)
    expect([tls.asksByExpression, known.asksByExpression]).toEqual([true, false])
    const names = new Map([[EXPRESSION.text, 'a.example']])
    expect(tls.settingsFor(names)).toMatchObject({ serverName: 'a.example' })
    expect(tls.settingsFor(new Map())).toMatchObject({ serverName: null, certificateName: null })
  })
})
