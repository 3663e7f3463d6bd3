import { describe, expect, it } from 'vitest'
import type { AdminLevel } from '../../../src/model/admin-level.ts'
import {
  applyConfig,
  confirmConfig,
  diffConfigs,
  listConfigVersions,
  rollBackConfig,
  showConfig,
  showConfigVersion,
} from '../../../src/operations/config-operations.ts'
import type { Caller, OperatedNode } from '../../../src/operations/operated-node.ts'
import { FakeCluster, STATE } from './fake-cluster.ts'
import { sourceOf } from './fake-source.ts'

const FRESH = { isStale: false }
const STALE = { isStale: true }
const ACTIVE_TEXT = STATE.versions.at(-1)?.text ?? ''
const SECRET_TEXT = 'frontends:\n  web:\n    http-request: [set-header Authorization secret]\n'

function nodeOf(cluster = new FakeCluster()): OperatedNode {
  return { cluster, source: sourceOf() }
}

function callerOf(level: AdminLevel = 'admin'): Caller {
  return { author: 'lb2, admin API', level }
}

/** A cluster whose active version has a text of its own. */
function clusterWith(text: string): FakeCluster {
  const cluster = new FakeCluster()
  const versions = STATE.versions.map((one) => (one.version === 3 ? { ...one, text } : one))
  cluster.agreed = { ...STATE, versions }
  return cluster
}

/** A cluster whose active version counts how often its text is asked for. */
function countingCluster(): { cluster: FakeCluster; reads: () => number } {
  const cluster = clusterWith(SECRET_TEXT)
  let reads = 0
  const versions = cluster.agreed.versions.map((one) => ({
    ...one,
    get text() {
      reads++
      return SECRET_TEXT
    },
  }))
  cluster.agreed = { ...STATE, versions }
  return { cluster, reads: () => reads }
}

type Read = (node: OperatedNode, options: { readonly isStale: boolean }) => Promise<unknown>

const READS: readonly (readonly [string, Read])[] = [
  ['the active config', (node, options) => showConfig(node, options, callerOf())],
  ['a version', (node, options) => showConfigVersion(node, 2, options, callerOf())],
  ['the history', (node, options) => listConfigVersions(node, options)],
  ['a difference', (node, options) => diffConfigs(node, { from: 1, to: 2 }, options, callerOf())],
]

describe('reading the config', () => {
  it.each(READS)('tells %s as any node has acknowledged it, or stale', async (_name, read) => {
    const cluster = new FakeCluster()
    await read(nodeOf(cluster), FRESH)
    expect(cluster.calls).toEqual([['read']])
    const alone = FakeCluster.failing('read', 'no-quorum')
    await expect(read(nodeOf(alone), FRESH)).rejects.toMatchObject({ code: 'no-quorum' })
    alone.calls.length = 0
    await read(nodeOf(alone), STALE)
    expect(alone.calls).toEqual([])
  })

  it('shows the active version with its text, and until when it is to be confirmed', async () => {
    expect(await showConfig(nodeOf(), FRESH, callerOf())).toMatchObject({
      version: 3,
      time: '2026-01-02T03:04:07.000Z',
      result: 'unconfirmed',
      text: ACTIVE_TEXT,
      running: { version: 3, note: '' },
      confirmation: { version: 3, previous: 2, deadline: '2026-01-02T03:05:05.000Z' },
    })
  })

  it('masks the secrets of a version once', async () => {
    const { cluster, reads } = countingCluster()
    const node = nodeOf(cluster)
    const first = await showConfig(node, FRESH, callerOf('read'))
    const readsOfFirst = reads()
    const second = await showConfigVersion(node, 3, FRESH, callerOf('operate'))
    expect(second.text).toBe(first.text)
    expect(reads()).toBe(readsOfFirst)
  })

  it('says what this node runs, and why it is something else', async () => {
    const running = { version: 2, note: 'cannot run version 3: no room' }
    const source = sourceOf({ running: () => Promise.resolve(running) })
    const node = { cluster: new FakeCluster(), source }
    const found = await showConfig(node, FRESH, callerOf())
    expect([found.version, found.running]).toEqual([3, running])
  })

  it.each<[AdminLevel, boolean]>([
    ['read', false],
    ['operate', false],
    ['admin', true],
  ])('shows level %s what is secret in a text: %s', async (level, isShown) => {
    const node = nodeOf(clusterWith(SECRET_TEXT))
    const caller = callerOf(level)
    const texts = [
      (await showConfig(node, FRESH, caller)).text,
      (await showConfigVersion(node, 3, FRESH, caller)).text,
      (await diffConfigs(node, { from: null, to: null }, FRESH, caller)).diff,
    ]
    expect(texts.map((text) => text.includes('secret'))).toEqual(texts.map(() => isShown))
  })

  it.each([
    [{ from: null, to: null }, 2, 3],
    [{ from: null, to: 1 }, 0, 1],
    [{ from: 1, to: null }, 1, 3],
    [{ from: 3, to: 1 }, 3, 1],
  ])('compares %j: %i with %i', async (choice, from, to) => {
    const found = await diffConfigs(nodeOf(), choice, FRESH, callerOf())
    expect([found.from, found.to]).toEqual([from, to])
    expect(found.diff).toContain(`--- version ${from}\n+++ version ${to}\n`)
  })

  it.each([
    [4, 'version 4 has not been'],
    [0, 'version 0 has not been'],
  ])('knows no version %i', async (version, message) => {
    const read = showConfigVersion(nodeOf(), version, FRESH, callerOf())
    await expect(read).rejects.toMatchObject({ code: 'config-version-unknown', message })
  })

  it('knows none before the first, but an empty history', async () => {
    const cluster = new FakeCluster()
    cluster.agreed = { ...STATE, activeVersion: 0, versions: [], confirmation: null }
    const read = showConfig(nodeOf(cluster), FRESH, callerOf())
    await expect(read).rejects.toMatchObject({ code: 'config-version-unknown' })
    const history = await listConfigVersions(nodeOf(cluster), FRESH)
    expect(history).toEqual({ active: 0, confirmation: null, versions: [] })
  })
})

describe('changing the config', () => {
  it('applies a text for who asks, and tells what has come of it', async () => {
    const cluster = new FakeCluster()
    const outcome = await applyConfig(nodeOf(cluster), { text: 'a: 2\n' }, callerOf())
    expect(outcome).toEqual({
      version: 4,
      changed: true,
      warnings: '',
      nodes: [
        { name: 'lb1', result: 'prepared' },
        { name: 'lb2', result: 'unreachable' },
      ],
    })
    const given = { text: 'a: 2\n', ifVersion: null, comment: '', confirmMs: null }
    expect(cluster.calls).toEqual([['applyConfig', { ...given, author: 'lb2, admin API' }]])
  })

  it.each([
    [{}, null, 3],
    [{ version: 2 }, 2, 2],
  ])('confirms %j', async (choice, asked, version) => {
    const cluster = new FakeCluster()
    expect(await confirmConfig(nodeOf(cluster), choice)).toEqual({ version })
    expect(cluster.calls).toEqual([['confirmConfig', asked]])
  })

  it.each([
    [{}, null],
    [{ version: 1 }, 1],
  ])('goes back to %j', async (choice, asked) => {
    const cluster = new FakeCluster()
    const outcome = await rollBackConfig(nodeOf(cluster), choice, callerOf())
    expect(outcome).toMatchObject({ version: 4, changed: true })
    expect(cluster.calls).toEqual([['rollbackConfig', asked, 'lb2, admin API']])
  })

  it.each([
    ['applyConfig', 'config-conflict'],
    ['confirmConfig', 'confirmation-unknown'],
    ['rollbackConfig', 'config-version-unknown'],
  ] as const)('%s fails as the cluster does, with %s', async (method, code) => {
    const node = nodeOf(FakeCluster.failing(method, code))
    const change = {
      applyConfig: () => applyConfig(node, { text: '' }, callerOf()),
      confirmConfig: () => confirmConfig(node, {}),
      rollbackConfig: () => rollBackConfig(node, {}, callerOf()),
    }[method]
    await expect(change()).rejects.toMatchObject({ code })
  })
})
