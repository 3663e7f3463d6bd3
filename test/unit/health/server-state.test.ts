import { describe, expect, it } from 'vitest'
import type { AgentVerdict } from '../../../src/health/probes/agent-reply.ts'
import {
  effectiveState,
  effectiveWeight,
  mergeVerdicts,
  type StateSources,
} from '../../../src/health/server-state.ts'
import { SERVER_STATE } from '../../../src/memory/server-table.ts'
import { ADMIN_STATES } from '../../../src/model/admin-state.ts'

const { up, down, drain, maint } = SERVER_STATE

const READY: StateSources = {
  admin: 'ready',
  isUnresolved: false,
  isProbedUp: null,
  agent: null,
  isEjected: false,
  tracked: null,
}

const SILENT: AgentVerdict = {
  weightPercent: null,
  state: null,
  adminState: null,
  maxconn: null,
  reason: '',
}

describe('effectiveState', () => {
  it.each<[string, Partial<StateSources>, number, string | null]>([
    ['nothing has a say', {}, up, null],
    ['the checks pass', { isProbedUp: true }, up, null],
    ['the checks fail', { isProbedUp: false }, down, 'check'],
    ['an operator drains it', { admin: 'drain', isProbedUp: true }, drain, 'admin'],
    ['an operator takes it out', { admin: 'maint' }, maint, 'admin'],
    ['its name is not found', { isUnresolved: true, isProbedUp: true }, maint, 'resolution'],
    ['it is out and not found', { isUnresolved: true, admin: 'maint' }, maint, 'admin'],
    ['it drains and fails', { admin: 'drain', isProbedUp: false }, down, 'check'],
    ['it is out and failed before', { admin: 'maint', isProbedUp: false }, maint, 'admin'],
    ['its agent has said nothing', { agent: SILENT }, up, null],
    ['its agent says up', { agent: { ...SILENT, state: 'up' } }, up, null],
    ['its agent says down', { agent: { ...SILENT, state: 'down' } }, down, 'agent'],
    ['its agent says ready', { agent: { ...SILENT, adminState: 'ready' } }, up, null],
    ['its agent drains it', { agent: { ...SILENT, adminState: 'drain' } }, drain, 'agent'],
    ['its agent takes it out', { agent: { ...SILENT, adminState: 'maint' } }, maint, 'agent'],
    [
      'its agent says up, its checks do not',
      { agent: { ...SILENT, state: 'up' }, isProbedUp: false },
      down,
      'check',
    ],
    [
      'its agent says ready, the operator does not',
      { agent: { ...SILENT, adminState: 'ready' }, admin: 'maint' },
      maint,
      'admin',
    ],
    [
      'its agent drains it and it is down',
      { agent: { ...SILENT, adminState: 'drain', state: 'down' } },
      down,
      'agent',
    ],
    ['it is ejected', { isEjected: true, isProbedUp: true }, down, 'passive'],
    ['it is ejected and fails', { isEjected: true, isProbedUp: false }, down, 'check'],
    ['it is ejected while it drains', { isEjected: true, admin: 'drain' }, down, 'passive'],
    ['it is ejected while it is out', { isEjected: true, admin: 'maint' }, maint, 'admin'],
    ['the tracked one is up', { tracked: up }, up, null],
    ['the tracked one is down', { tracked: down }, down, 'track'],
    ['the tracked one drains', { tracked: drain }, drain, 'track'],
    ['the tracked one is out', { tracked: maint }, maint, 'track'],
    ['the tracked one drains, it is out', { tracked: drain, admin: 'maint' }, maint, 'admin'],
    ['it drains, the tracked one is down', { tracked: down, admin: 'drain' }, down, 'track'],
  ])('when %s', (_, sources, state, cause) => {
    expect(effectiveState({ ...READY, ...sources })).toEqual({ state, cause })
  })

  it('never is better than any source alone would have it', () => {
    const rank = [up, drain, down, maint]
    const agents = [null, ...ADMIN_STATES].flatMap((adminState) =>
      ([null, 'up', 'down'] as const).map((state) => ({ ...SILENT, adminState, state })),
    )
    for (const admin of ADMIN_STATES) {
      for (const isProbedUp of [true, false, null]) {
        for (const agent of [null, ...agents]) {
          for (const isEjected of [true, false]) {
            for (const tracked of [null, up, down, drain, maint]) {
              const isUnresolved = isEjected && tracked === null
              const all = { admin, isUnresolved, isProbedUp, agent, isEjected, tracked }
              const alone = Object.entries(all).map(
                ([name, value]) => effectiveState({ ...READY, [name]: value }).state,
              )
              const worst = Math.max(...alone.map((state) => rank.indexOf(state)))
              expect(rank.indexOf(effectiveState(all).state)).toBe(worst)
            }
          }
        }
      }
    }
  })
})

describe('effectiveWeight', () => {
  it.each([
    [100, null, 100],
    [100, 75, 75],
    [1, 40, 1],
    [3, 50, 2],
    [10, 0, 0],
    [0, 50, 0],
    [200, 100, 200],
    [200, 300, 256],
    [256, 1, 3],
  ])('of %i at %s percent is %i', (weight, weightPercent, expected) => {
    expect(effectiveWeight(weight, { ...SILENT, weightPercent })).toBe(expected)
  })

  it('is the weight itself without an agent', () => {
    expect(effectiveWeight(7, null)).toBe(7)
  })
})

describe('mergeVerdicts', () => {
  const draining: AgentVerdict = { ...SILENT, adminState: 'drain', weightPercent: 50 }

  it('keeps what a reply does not speak of', () => {
    expect(mergeVerdicts(null, draining)).toEqual(draining)
    expect(mergeVerdicts(draining, { ...SILENT, state: 'up' })).toEqual({
      ...draining,
      state: 'up',
    })
  })

  it('takes what a reply says over what was said before', () => {
    const next: AgentVerdict = {
      weightPercent: 0,
      state: 'down',
      adminState: 'ready',
      maxconn: 5,
      reason: 'stopped',
    }
    expect(mergeVerdicts({ ...draining, maxconn: 3, reason: 'before' }, next)).toEqual(next)
    expect(mergeVerdicts(next, SILENT).reason).toBe('')
  })
})
