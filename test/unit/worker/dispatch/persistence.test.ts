import { describe, expect, it } from 'vitest'
import { SERVER_STATE } from '../../../../src/memory/server-table.ts'
import { reserveStickTable } from '../../../../src/memory/stick-table.ts'
import type {
  PersistenceConfig,
  StickTableConfig,
} from '../../../../src/model/persistence-config.ts'
import { FIRST_ROW, persistenceLab } from './persistence-lab.ts'

const S1 = FIRST_ROW
const S2 = FIRST_ROW + 1

const TABLE: StickTableConfig = {
  type: 'string',
  keyBytesMax: 8,
  entriesMax: 100,
  expireSec: 0,
  nopurge: false,
}

function stickLab(stick: readonly string[], table: Partial<StickTableConfig> = {}) {
  const rest: Partial<PersistenceConfig> = { stickTable: { ...TABLE, ...table }, stick }
  return persistenceLab({ rest, stickMemory: reserveStickTable(100, 1) })
}

describe('conditions of persistence', () => {
  const cookie = { mode: 'insert' } as const

  it('follow a cookie to a server that is down, for one request or for all', () => {
    const rest = { forcePersist: ['if { hdr(x-admin) -m found }', 'unless { method GET }'] }
    const { follow, states } = persistenceLab({ cookie, rest })
    states.set(S1, SERVER_STATE.maint)
    expect(follow(['Cookie: SRV=s1']).row).toBe(-1)
    expect(follow(['Cookie: SRV=s1', 'X-Admin: 1']).row).toBe(S1)
    expect(follow(['Cookie: SRV=s1'], 'POST').row).toBe(S1)
    const always = persistenceLab({ cookie, rest: { persist: true } })
    always.states.set(S1, SERVER_STATE.down)
    expect(always.follow(['Cookie: SRV=s1']).row).toBe(S1)
  })

  it('ignore a cookie, and give none', () => {
    const rest = {
      ignorePersist: ['if { path / } { hdr(x-static) -m found }'],
      forcePersist: ['if { hdr(x-admin) -m found }'],
    }
    const { follow } = persistenceLab({ cookie, rest })
    expect(follow(['Cookie: SRV=s1']).row).toBe(S1)
    const ignored = follow(['Cookie: SRV=s1', 'X-Static: 1'])
    expect(ignored.row).toBe(-1)
    expect(ignored.answer(S2)).toMatchObject({ setCookies: [], letters: 'UN' })
    expect(follow(['Cookie: SRV=s1', 'X-Static: 1', 'X-Admin: 1']).row).toBe(S1)
  })
})

describe('stick rules', () => {
  it('bring a key back to the server that had it last', () => {
    const { follow } = stickLab(['on hdr(x-user)'])
    expect(follow(['X-User: ann']).row).toBe(-1)
    follow(['X-User: ann']).answer(S2)
    follow(['X-User: bob']).answer(S1)
    expect(follow(['X-User: ann']).row).toBe(S2)
    expect(follow(['X-User: bob']).row).toBe(S1)
    follow(['X-User: ann']).answer(S1)
    expect(follow(['X-User: ann']).row).toBe(S1)
    expect(follow([]).row).toBe(-1)
  })

  it('ask and store apart, and under conditions', () => {
    const { follow } = stickLab([
      'match hdr(x-user)',
      'store-request hdr(x-user) if { method POST }',
    ])
    follow(['X-User: ann']).answer(S2)
    expect(follow(['X-User: ann']).row).toBe(-1)
    follow(['X-User: ann'], 'POST').answer(S2)
    expect(follow(['X-User: ann']).row).toBe(S2)
  })

  it('take the first key that is known, and store the first that there is', () => {
    const { follow } = stickLab(['on hdr(x-user)', 'on hdr(x-team)'])
    follow(['X-Team: red']).answer(S2)
    const ann = follow(['X-User: ann', 'X-Team: red'])
    expect(ann.row).toBe(S2)
    ann.answer(S2)
    follow(['X-Team: red']).answer(S1)
    expect(follow(['X-User: ann', 'X-Team: red']).row).toBe(S2)
  })

  it('leave a server that is down, and keep one that drains', () => {
    const { follow, states } = stickLab(['on hdr(x-user)'])
    follow(['X-User: ann']).answer(S2)
    states.set(S2, SERVER_STATE.drain)
    expect(follow(['X-User: ann']).row).toBe(S2)
    states.set(S2, SERVER_STATE.down)
    expect(follow(['X-User: ann']).row).toBe(-1)
  })

  it.each([
    { type: 'string', one: 'abcdefgh', same: 'abcdefghi', other: 'abcdefg' },
    { type: 'integer', one: '42', same: '042x', other: '43' },
    { type: 'ip', one: '192.0.2.1', same: '::ffff:192.0.2.1', other: '192.0.2.10' },
    { type: 'ipv6', one: '2001:db8::1', same: '2001:0DB8:0::1', other: '2001:db8::2' },
    { type: 'ipv6', one: '192.0.2.1', same: '::ffff:192.0.2.1', other: '192.0.2.2' },
  ] as const)('take $one for $same and not for $other as $type', ({ type, one, same, other }) => {
    const { follow } = stickLab(['on hdr(x-key)'], { type })
    follow([`X-Key: ${one}`]).answer(S2)
    expect(follow([`X-Key: ${same}`]).row).toBe(S2)
    expect(follow([`X-Key: ${other}`]).row).toBe(-1)
  })

  it('pass over what is no key of the type', () => {
    const { follow } = stickLab(['on hdr(x-key)'], { type: 'ip' })
    for (const key of ['none', '2001:db8::1', '']) {
      follow([`X-Key: ${key}`]).answer(S2)
      expect(follow([`X-Key: ${key}`]).row).toBe(-1)
    }
  })

  it('come after the cookie', () => {
    const { follow } = persistenceLab({
      cookie: { mode: 'insert' },
      rest: { stickTable: TABLE, stick: ['on hdr(x-user)'] },
      stickMemory: reserveStickTable(100, 1),
    })
    follow(['X-User: ann']).answer(S2)
    expect(follow(['X-User: ann']).row).toBe(S2)
    expect(follow(['X-User: ann', 'Cookie: SRV=s1']).row).toBe(S1)
  })
})
