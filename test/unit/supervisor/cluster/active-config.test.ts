import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RememberedConfig } from '../../../../src/supervisor/cluster/active-config.ts'
import type { ActiveConfig } from '../../../../src/supervisor/cluster/cluster-host.ts'
import { type RecordedLine, recordedLog } from '../recorded-log.ts'

let folder: string
let dataDir: string
let lines: RecordedLine[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-active-'))
  dataDir = join(folder, 'node', 'data')
  lines = []
})

afterEach(() => rmSync(folder, { recursive: true }))

const open = (): RememberedConfig => new RememberedConfig(dataDir, recordedLog(lines))

function activeOf(version: number): ActiveConfig {
  return {
    version: {
      version,
      text: `# é ${version}\n`,
      author: 'lb1, admin API',
      timeMs: 5,
      comment: '',
      cause: 'apply',
      result: 'active',
    },
    addresses: [['h', '10.0.0.1']],
    pool: [
      { backend: 'app', server: 'a', isAdded: false, address: null, state: 'maint', weight: null },
      { backend: 'app', server: 'x', isAdded: true, address: 'h:1', state: null, weight: 7 },
    ],
  }
}

describe('what a node ran last', () => {
  it('is given back after a restart', async () => {
    const kept = open()
    kept.keep(activeOf(3))
    await kept.close()
    expect(open().recall()).toEqual(activeOf(3))
    expect(lines).toEqual([])
  })

  it('is given back without addresses where it was kept before these were', async () => {
    const kept = open()
    kept.keep(activeOf(3))
    await kept.close()
    const file = join(dataDir, 'active.json')
    const { addresses: _, ...older } = JSON.parse(readFileSync(file, 'utf8')) as ActiveConfig
    writeFileSync(file, JSON.stringify(older))
    expect(open().recall()).toEqual({ ...activeOf(3), addresses: [] })
    expect(lines).toEqual([])
  })

  it('is what came last, however fast it came', async () => {
    const kept = open()
    for (let version = 1; version <= 50; version++) kept.keep(activeOf(version))
    await kept.close()
    expect(open().recall()).toEqual(activeOf(50))
    kept.keep(activeOf(51))
    await kept.close()
    expect(open().recall()).toEqual(activeOf(51))
  })

  it('is nothing at the first start, which is nothing to tell', async () => {
    const kept = open()
    expect(kept.recall()).toBeNull()
    await kept.close()
    expect(lines).toEqual([])
  })

  it('can be read by nobody else, and leaves nothing beside it', async () => {
    const kept = open()
    kept.keep(activeOf(1))
    await kept.close()
    expect(readdirSync(dataDir)).toEqual(['active.json'])
    expect(statSync(join(dataDir, 'active.json')).mode & 0o777).toBe(0o600)
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
  })

  it.each<[string, (text: string) => string]>([
    ['nothing', () => ''],
    ['half of it', (text) => text.slice(0, text.length / 2)],
    ['another layout', (text) => text.replace('"layout":1', '"layout":2')],
    ['another map', () => '{}'],
    ['a text that is none', (text) => text.replace(/"text":"[^"]*"/, '"text":7')],
    ['no pool', (text) => text.replace(/"pool":\[.*\]/, '"pool":null')],
    ['a server that is none', (text) => text.replace(/"pool":\[/, '"pool":[null,')],
    ['a state that is none', (text) => text.replace('"maint"', '"up"')],
  ])('is passed over, and told, where %s is left', async (_, damage) => {
    const kept = open()
    kept.keep(activeOf(1))
    await kept.close()
    const path = join(dataDir, 'active.json')
    writeFileSync(path, damage(readFileSync(path, 'utf8')))
    expect(open().recall()).toBeNull()
    expect(lines).toMatchObject([{ level: 'warn', event: 'config-not-kept', fields: { path } }])
    expect(lines[0]?.message).toContain('is not what was kept')
  })

  it('is kept again once it can be written, and what runs runs on meanwhile', async () => {
    writeFileSync(join(folder, 'node'), 'in the way')
    const kept = open()
    kept.keep(activeOf(1))
    await kept.close()
    expect(lines).toMatchObject([{ level: 'warn', event: 'config-not-kept' }])
    expect(lines[0]?.message).toContain('cannot be written')
    expect(open().recall()).toBeNull()
    rmSync(join(folder, 'node'))
    kept.keep(activeOf(2))
    await kept.close()
    expect(open().recall()).toEqual(activeOf(2))
  })
})
