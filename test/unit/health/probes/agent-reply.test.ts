import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAgentReply } from '../../../../src/health/probes/agent-reply.ts'

const NOTHING = { weightPercent: null, state: null, adminState: null, maxconn: null, reason: '' }

describe('the reply of an agent', () => {
  it.each([
    ['75%', { weightPercent: 75 }],
    ['0%', { weightPercent: 0 }],
    ['150%', { weightPercent: 150 }],
    ['up', { state: 'up' }],
    ['UP', { state: 'up' }],
    ['down', { state: 'down', reason: 'down' }],
    ['stopped', { state: 'down', reason: 'stopped' }],
    ['fail', { state: 'down', reason: 'fail' }],
    ['fail#the disk is full', { state: 'down', reason: 'fail: the disk is full' }],
    ['down # a\tb\x1b[0m', { state: 'down', reason: 'down: ab[0m' }],
    ['maint', { adminState: 'maint' }],
    ['drain', { adminState: 'drain' }],
    ['ready', { adminState: 'ready' }],
    ['maxconn:30', { maxconn: 30 }],
    ['up, 50%', { state: 'up', weightPercent: 50 }],
    [
      'ready up 100% maxconn:7',
      { adminState: 'ready', state: 'up', weightPercent: 100, maxconn: 7 },
    ],
    ['\tready,,up ', { adminState: 'ready', state: 'up' }],
    // Of two that speak of the same the last counts.
    ['down up', { state: 'up' }],
    ['20% 30%', { weightPercent: 30 }],
    ['up # fine', { state: 'up', reason: 'fine' }],
  ])('%j', (line, said) => {
    expect(parseAgentReply(line)).toEqual({ ...NOTHING, ...said })
  })

  it.each([
    '',
    '   ',
    '# only words',
    'hello',
    'up hello',
    '75',
    '-1%',
    '7.5%',
    '999999%',
    'maxconn:',
    'maxconn:0',
    'maxconn:1000001',
    'HTTP/1.1 400 Bad Request',
  ])('%j is not understood', (line) => {
    expect(parseAgentReply(line)).toBeNull()
  })

  it('may be anything', () => {
    fc.assert(
      fc.property(fc.string(), (line) => {
        const verdict = parseAgentReply(line)
        expect(
          verdict === null || verdict.weightPercent === null || verdict.weightPercent >= 0,
        ).toBe(true)
      }),
    )
  })
})
