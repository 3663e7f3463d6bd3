import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { NameResolution } from '../../../src/discovery/name-resolution.ts'
import { type RecordedLine, recordedLog } from '../supervisor/recorded-log.ts'

let lines: RecordedLine[]
/** What look-ups find; a name that is not there is not found. */
let zone: Map<string, readonly string[]>
let asked: string[]
let moves: number

beforeEach(() => {
  vi.useFakeTimers()
  lines = []
  zone = new Map()
  asked = []
  moves = 0
})

afterEach(() => {
  vi.useRealTimers()
})

function resolution(last: Readonly<Record<string, string>> = {}): NameResolution {
  const names = new NameResolution({
    lookup: async (name) => {
      asked.push(name)
      const found = zone.get(name)
      if (found === undefined) throw Object.assign(new Error('not found'), { code: 'ENOTFOUND' })
      return found
    },
    last: new Map(Object.entries(last)),
    log: recordedLog(lines),
  })
  names.onMove = () => {
    moves++
  }
  return names
}

const events = (): string[] => lines.map(({ event }) => event)

describe('a name that is found', () => {
  it('is told at once, looked up again every ten seconds, and moves with what is found', async () => {
    zone.set('app', ['10.0.0.1'])
    const names = resolution()
    await names.lookUp(['app'])
    expect(names.found('app')).toBe('10.0.0.1')
    names.watch(new Set(['app']))
    await vi.advanceTimersByTimeAsync(25_000)
    expect(asked).toHaveLength(3)
    expect(moves).toBe(1)
    expect(lines).toEqual([])
    zone.set('app', ['10.0.0.2'])
    await vi.advanceTimersByTimeAsync(10_000)
    expect(names.found('app')).toBe('10.0.0.2')
    expect(moves).toBe(2)
    expect(lines).toMatchObject([
      { event: 'name-resolved', fields: { address: '10.0.0.2', previous: '10.0.0.1' } },
    ])
  })

  it('keeps its address while that is among those that are found, in whatever order', async () => {
    zone.set('app', ['10.0.0.1', '10.0.0.2'])
    const names = resolution()
    await names.lookUp(['app'])
    names.watch(new Set(['app']))
    zone.set('app', ['10.0.0.2', '10.0.0.1'])
    await vi.advanceTimersByTimeAsync(10_000)
    expect(names.found('app')).toBe('10.0.0.1')
    expect(moves).toBe(1)
  })

  it('loses its address to no look-up that fails, of which is told once', async () => {
    zone.set('app', ['10.0.0.1'])
    const names = resolution()
    await names.lookUp(['app'])
    names.watch(new Set(['app']))
    zone.delete('app')
    await vi.advanceTimersByTimeAsync(300_000)
    expect(names.found('app')).toBe('10.0.0.1')
    expect(lines).toMatchObject([{ level: 'warn', event: 'name-unresolved' }])
    expect(lines[0]?.message).toMatch(/ENOTFOUND.*keeps the address 10\.0\.0\.1/)
    // After 1, 2, 4, 8, 16, 32 and then every 60 seconds.
    expect(asked.length).toBeLessThanOrEqual(14)
    zone.set('app', ['10.0.0.1'])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(events()).toEqual(['name-unresolved', 'name-resolved'])
    expect(moves).toBe(1)
  })
})

describe('a name that is not found', () => {
  it('is looked up again soon, and every ten seconds in the end', async () => {
    const names = resolution()
    await names.lookUp(['app'])
    names.watch(new Set(['app']))
    expect(names.found('app')).toBeNull()
    await vi.advanceTimersByTimeAsync(7_000)
    expect(asked).toHaveLength(4)
    await vi.advanceTimersByTimeAsync(300_000)
    zone.set('app', ['10.0.0.1'])
    await vi.advanceTimersByTimeAsync(10_000)
    expect(names.found('app')).toBe('10.0.0.1')
    expect(moves).toBe(1)
    expect(events()).toEqual(['name-unresolved', 'name-resolved'])
  })

  it('has what it had in an earlier run', async () => {
    const names = resolution({ app: '10.0.0.9' })
    await names.lookUp(['app', 'other'])
    names.watch(new Set(['app', 'other']))
    expect([names.found('app'), names.last('app'), names.last('other')]).toEqual([
      null,
      '10.0.0.9',
      null,
    ])
    expect(names.lastOfAll()).toEqual([['app', '10.0.0.9']])
  })

  it('where nothing at all is found, is one that has none', async () => {
    zone.set('app', [])
    const names = resolution()
    await names.lookUp(['app'])
    expect(lines[0]?.message).toMatch(/has no address/)
  })
})

describe('look-ups', () => {
  it('are two at once, one a name, and none for names that nobody has any more', async () => {
    let open = 0
    let openMax = 0
    const release: (() => void)[] = []
    const names = new NameResolution({
      lookup: (name) => {
        asked.push(name)
        openMax = Math.max(openMax, ++open)
        return new Promise((resolve) =>
          release.push(() => {
            open--
            resolve(['10.0.0.1'])
          }),
        )
      },
      log: recordedLog(lines),
    })
    const all = names.lookUp(['a', 'b', 'c', 'a'])
    void names.lookUp(['a'])
    expect(asked).toEqual(['a', 'b'])
    while (release.length > 0) {
      release.shift()?.()
      await vi.advanceTimersByTimeAsync(0)
    }
    await all
    expect(asked).toEqual(['a', 'b', 'c'])
    expect(openMax).toBe(2)
    names.watch(new Set(['b']))
    await vi.advanceTimersByTimeAsync(10_000)
    expect(asked).toEqual(['a', 'b', 'c', 'b'])
    names.stop()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked).toHaveLength(4)
    expect(names.found('a')).toBeNull()
  })
})

it('keeps what was found of names that are held, and of no others', async () => {
  const names = new NameResolution({ lookup: async () => ['10.0.0.1'], log: recordedLog([]) })
  onTestFinished(() => names.stop())
  await names.lookUp(['held', 'other'])
  names.hold(new Set(['held']))
  names.watch(new Set(['watched']))
  expect([names.found('held'), names.found('other')]).toEqual(['10.0.0.1', null])
  names.hold(new Set())
  expect(names.found('held')).toBeNull()
})
