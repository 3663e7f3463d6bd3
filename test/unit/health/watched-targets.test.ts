import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Watch, WatchedTargets } from '../../../src/health/watched-targets.ts'

interface Target {
  readonly key: string
  readonly version: number
}

/** Notes what is done to the watches. */
function lab() {
  const running = new Map<string, PaperWatch>()
  let begun: [key: string, phase: number][] = []
  let made = 0
  class PaperWatch implements Watch<Target> {
    readonly target: Target
    readonly previous: PaperWatch | undefined
    readonly serial = ++made
    isOver = false

    constructor(target: Target, previous: PaperWatch | undefined) {
      this.target = target
      this.previous = previous
    }

    start(phase: number): void {
      expect(running.has(this.target.key)).toBe(false)
      running.set(this.target.key, this)
      begun.push([this.target.key, phase])
    }

    stop(): void {
      expect(this.isOver).toBe(false)
      this.isOver = true
      expect(running.get(this.target.key)).toBe(this)
      running.delete(this.target.key)
    }
  }
  const targets = new WatchedTargets<Target, PaperWatch>(
    (target, previous) => new PaperWatch(target, previous),
  )
  const takeBegun = (): [string, number][] => {
    const taken = begun
    begun = []
    return taken
  }
  return { targets, running, takeBegun }
}

const at = (key: string, version = 1): Target => ({ key, version })

describe('watched targets', () => {
  it('begin spread over their interval, and what is unchanged is not disturbed', () => {
    const { targets, takeBegun } = lab()
    targets.replace([at('a'), at('b'), at('c'), at('d')])
    expect(takeBegun()).toEqual([
      ['a', 0],
      ['b', 0.25],
      ['c', 0.5],
      ['d', 0.75],
    ])
    const kept = targets.get('b')
    targets.replace([at('b'), at('c', 2), at('e')])
    expect(takeBegun()).toEqual([
      ['c', 0],
      ['e', 0.5],
    ])
    expect(targets.get('b')).toBe(kept)
    expect(targets.get('a')).toBeUndefined()
    expect(targets.get('c')?.previous?.target).toEqual(at('c'))
  })

  it('set one by one begin at once, and leave the others alone', () => {
    const { targets, takeBegun } = lab()
    targets.replace([at('a'), at('b')])
    const [a, b] = [targets.get('a'), targets.get('b')]
    takeBegun()
    targets.set(at('b'))
    expect(takeBegun()).toEqual([])
    expect(targets.get('b')).toBe(b)
    targets.set(at('b', 2))
    targets.set(at('c'))
    expect(takeBegun()).toEqual([
      ['b', 0],
      ['c', 0],
    ])
    expect(targets.get('b')?.previous).toBe(b)
    targets.remove('c')
    targets.remove('nobody')
    expect(targets.get('c')).toBeUndefined()
    expect(targets.get('a')).toBe(a)
  })

  it('are the same whether set one by one or all at once', () => {
    const target = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      version: fc.integer({ min: 1, max: 3 }),
    })
    const step = fc.oneof(
      fc.record({ kind: fc.constant('set' as const), target }),
      fc.record({ kind: fc.constant('remove' as const), target }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const [one, all] = [lab(), lab()]
        const wanted = new Map<string, Target>()
        for (const { kind, target } of steps) {
          if (kind === 'set') {
            one.targets.set(target)
            wanted.set(target.key, target)
          } else {
            one.targets.remove(target.key)
            wanted.delete(target.key)
          }
          all.targets.replace([...wanted.values()])
          const shape = ({ running }: typeof one): unknown =>
            [...running].map(([key, { target, serial }]) => [key, target.version, serial]).sort()
          expect(shape(one)).toEqual(shape(all))
        }
      }),
    )
  })
})
