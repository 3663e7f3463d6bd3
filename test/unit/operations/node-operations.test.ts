import { describe, expect, it } from 'vitest'
import {
  showMetrics,
  showNode,
  showReadiness,
  showStatistics,
} from '../../../src/operations/node-operations.ts'
import { FakeCluster } from './fake-cluster.ts'
import { sourceOf } from './fake-source.ts'

const NODE = { cluster: new FakeCluster(), source: sourceOf() }

describe('a node tells', () => {
  it('what it is', () => {
    expect(showNode(NODE)).toMatchObject({ name: 'sluice', version: '0.1.0', configVersion: 3 })
  })

  it('whether it is ready, and why not', () => {
    expect(showReadiness(NODE, false)).toEqual({ ready: true, reasons: [] })
    const ready = () => ({ ready: false, reasons: ['draining'] })
    const node = { ...NODE, source: sourceOf({ ready }) }
    expect(showReadiness(node, false)).toEqual({ ready: false, reasons: ['draining'] })
  })

  it.each(['sluice', 'haproxy'])('its metrics under the prefix %s', async (prefix) => {
    expect(await showMetrics(NODE, prefix)).toEqual([`# HELP ${prefix}_up Up.\n`])
  })

  it.each(['', 'Sluice', 'nginx'])('no metrics under the prefix %j', async (prefix) => {
    await expect(showMetrics(NODE, prefix)).rejects.toMatchObject({
      code: 'request-invalid',
      message: 'prefix is one of sluice, haproxy',
    })
  })

  it('its statistics', async () => {
    expect(await showStatistics(NODE)).toEqual(['# pxname,\n'])
  })
})
