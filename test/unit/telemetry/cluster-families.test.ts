import { describe, expect, it } from 'vitest'
import { ServerTable } from '../../../src/memory/server-table.ts'
import type { ClusterFacts } from '../../../src/telemetry/cluster-families.ts'
import { Exposition } from '../../../src/telemetry/exposition.ts'
import { type ParsedFamily, parseExposition } from './prometheus-text.ts'

const LEADER: ClusterFacts = {
  role: 'leader',
  epoch: 7,
  hasQuorum: true,
  commitIndex: 118,
  appliedIndex: 117,
  lastIndex: 120,
  firstIndex: 101,
  format: 1,
  formatMax: 2,
  alarms: [{ code: 'quorum-at-risk', node: 'lb2' }],
  nodes: [
    { name: 'lb1', membership: 'voter', matchIndex: 120 },
    { name: 'lb2', membership: 'voter', matchIndex: 90 },
    { name: 'lb3', membership: 'learner', matchIndex: 0 },
    { name: 'lb4', membership: 'invited', matchIndex: null },
  ],
  links: {
    links: 2,
    framesIn: 10,
    framesOut: 11,
    framesDropped: 12,
    bytesIn: 13,
    bytesOut: 14,
    refused: { credentials: 3, stranger: 0 },
    refusedByPeers: { credentials: 5 },
  },
}

async function scrape(
  cluster: ClusterFacts | null,
  prefix?: 'haproxy',
): Promise<Map<string, ParsedFamily>> {
  const exposition = new Exposition({
    table: ServerTable.create(1),
    plan: () => ({ serial: 1, maxconn: 1, frontends: [], backends: [] }) as never,
    check: () => undefined,
    past: () => undefined,
    ejection: () => undefined,
    cluster: async () => cluster,
    process: () => ({
      version: '0.1.0',
      configVersion: 7,
      startedAtMs: 0,
      uptimeMs: 1,
      isStopping: false,
      droppedLogsTotal: 0,
      workerDeathsTotal: 0,
    }),
  })
  return parseExposition((await exposition.render(prefix)).join(''))
}

/** Samples of a family as `{label=value,...} N`, or `N` without labels. */
function samplesIn(families: Map<string, ParsedFamily>, name: string): string[] {
  const samples = families.get(`sluice_cluster_${name}`)?.samples ?? []
  return samples.map(({ labels, value }) => {
    const list = Object.entries(labels).map((label) => label.join('='))
    return list.length === 0 ? String(value) : `{${list.join(',')}} ${value}`
  })
}

describe('the metrics of a cluster', () => {
  it.each<[string, string, readonly string[]]>([
    ['leader', 'gauge', ['1']],
    ['has_quorum', 'gauge', ['1']],
    ['epoch', 'gauge', ['7']],
    ['commit_index', 'gauge', ['118']],
    ['applied_index', 'gauge', ['117']],
    ['log_entries', 'gauge', ['20']],
    ['format', 'gauge', ['1']],
    ['format_max', 'gauge', ['2']],
    ['alarm', 'gauge', ['{code=quorum-at-risk,node=lb2} 1']],
    [
      'nodes',
      'gauge',
      ['{membership=voter} 2', '{membership=learner} 1', '{membership=invited} 1'],
    ],
    ['node_lag_entries', 'gauge', ['{node=lb1} 0', '{node=lb2} 30', '{node=lb3} 120']],
    ['peer_links', 'gauge', ['2']],
    ['peer_frames_total', 'counter', ['{direction=in} 10', '{direction=out} 11']],
    ['peer_bytes_total', 'counter', ['{direction=in} 13', '{direction=out} 14']],
    ['peer_frames_dropped_total', 'counter', ['12']],
    [
      'peer_refusals_total',
      'counter',
      [
        '{by=this,reason=credentials} 3',
        '{by=this,reason=stranger} 0',
        '{by=peer,reason=credentials} 5',
      ],
    ],
  ])('say %s', async (name, type, expected) => {
    const families = await scrape(LEADER)
    expect(families.get(`sluice_cluster_${name}`)?.type).toBe(type)
    expect(samplesIn(families, name)).toEqual(expected)
  })

  it('are all that is listed here', async () => {
    const names = [...(await scrape(LEADER)).keys()]
    expect(names.filter((name) => name.startsWith('sluice_cluster_'))).toHaveLength(16)
  })

  it('say nothing of the lag of others on a follower, which does not know it', async () => {
    const nodes = LEADER.nodes.map((node) => ({ ...node, matchIndex: null }))
    const families = await scrape({ ...LEADER, role: 'follower', hasQuorum: false, nodes })
    expect(samplesIn(families, 'leader')).toEqual(['0'])
    expect(samplesIn(families, 'has_quorum')).toEqual(['0'])
    expect(samplesIn(families, 'node_lag_entries')).toEqual([])
  })

  it('have no negative number of entries where the log is empty', async () => {
    const families = await scrape({ ...LEADER, lastIndex: 0, firstIndex: 1 })
    expect(samplesIn(families, 'log_entries')).toEqual(['0'])
    expect(samplesIn(families, 'node_lag_entries')).toContain('{node=lb2} 0')
  })

  it('are not there on a single node', async () => {
    const names = [...(await scrape(null)).keys()]
    expect(names.filter((name) => name.includes('cluster'))).toEqual([])
  })
})
