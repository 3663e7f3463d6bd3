import { describe, expect, it } from 'vitest'
import { ADMIN_CONNECTIONS_MAX } from '../../../../src/admin/admin-listener.ts'
import type { Config } from '../../../../src/model/config.ts'
import {
  descriptorBudget,
  isTight,
} from '../../../../src/supervisor/preparation/descriptor-limit.ts'

interface Shape {
  readonly maxconn?: number | null
  readonly nbthread?: number
  readonly binds?: number
  readonly checks?: number
  readonly peers?: number
}

/** What the budget looks at of a config. */
function configOf({ maxconn = null, nbthread = 2, binds = 1, checks = 0, peers }: Shape): Config {
  const many = (count: number): object[] => Array.from({ length: count }, () => ({}))
  return {
    global: { maxconn, nbthread },
    cluster: peers === undefined ? null : { peers: many(peers) },
    frontends: [{ binds: many(binds) }],
    backends: [{ servers: many(checks).map(() => ({ check: {}, agent: null })) }],
  } as unknown as Config
}

const clientsAt = (limit: number, shape: Shape = {}): number =>
  descriptorBudget(configOf(shape), limit).connectionsMax

describe('the budget of descriptors', () => {
  it('takes 10,000 clients where there is room and nothing else is said', () => {
    expect(clientsAt(65_536)).toBe(10_000)
    expect(clientsAt(Number.POSITIVE_INFINITY)).toBe(10_000)
    expect(clientsAt(65_536, { maxconn: 30_000 })).toBe(30_000)
  })

  it('takes as many as find a server connection each where there is less room', () => {
    for (const limit of [1024, 4096, 20_000]) {
      for (const maxconn of [null, 10_000]) {
        const clients = clientsAt(limit, { maxconn })
        expect(2 * clients).toBeLessThan(limit)
        // Beside these: the process and its workers, and all that may ask by the admin API.
        expect(2 * clients).toBeGreaterThan(limit - 62 - 2 * ADMIN_CONNECTIONS_MAX - 2)
      }
    }
  })

  it('leaves room for every thread, listener, check and peer', () => {
    const plain = clientsAt(4096)
    for (const shape of [{ nbthread: 8 }, { binds: 20 }, { checks: 100 }, { peers: 5 }]) {
      expect(clientsAt(4096, shape)).toBeLessThan(plain)
    }
  })

  it('gives half of a small limit to clients, and always room for one', () => {
    expect(clientsAt(128, { checks: 5000 })).toBe(32)
    expect(clientsAt(256, { nbthread: 64 })).toBe(64)
    expect(clientsAt(1)).toBe(1)
  })

  it('is tight where fewer clients are taken than were asked for, or really few', () => {
    const isTightAt = (limit: number, maxconn: number | null): boolean =>
      isTight(descriptorBudget(configOf({ maxconn }), limit))
    expect([isTightAt(20_000, 10_000), isTightAt(30_000, 10_000)]).toEqual([true, false])
    expect([isTightAt(1024, 50), isTightAt(1024, 5000)]).toEqual([false, true])
    // What nobody has asked for is fine as Linux gives it.
    expect([1024, 4096, 20_000].map((limit) => isTightAt(limit, null))).toEqual([
      true,
      false,
      false,
    ])
  })

  it('says which limit gives all that is wanted', () => {
    for (const maxconn of [null, 20_000, 50_000]) {
      const { limitWanted } = descriptorBudget(configOf({ maxconn, checks: 7 }), 256)
      expect(clientsAt(limitWanted, { maxconn, checks: 7 })).toBe(maxconn ?? 10_000)
      expect(clientsAt(limitWanted - 1, { maxconn, checks: 7 })).toBeLessThan(maxconn ?? 10_000)
    }
  })
})
