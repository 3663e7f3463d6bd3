import { describe, expect, it } from 'vitest'
import {
  TEXT_BYTES_MAX,
  VERSIONS_BYTES_MAX,
  VERSIONS_MAX,
} from '../../../../src/cluster/state-machine/bounds.ts'
import type { Command } from '../../../../src/cluster/state-machine/commands.ts'
import { utf8Length } from '../../../../src/cluster/state-machine/config-versions.ts'
import type { ConfigVersion } from '../../../../src/cluster/state-machine/state.ts'
import { activation, type Lab, openLab } from './command-lab.ts'

const summary = (versions: readonly ConfigVersion[]): string[] =>
  versions.map(({ version, text, cause, result }) => `${version} ${text} ${cause} ${result}`)

function labWith(...commands: readonly Command[]): Lab {
  const lab = openLab()
  for (const command of commands) expect(lab.apply(command)).toMatchObject({ kind: 'done' })
  return lab
}

const seed = activation(0, 'one', { cause: 'seed' })
const pending = activation(1, 'two', { confirmMs: 60_000, timeMs: 5_000 })
const back = activation(2, 'one', { cause: 'rollback' })
const confirm = { kind: 'config-confirm', version: 2 } as const
const expire = { kind: 'config-expire', version: 2, timeMs: 65_000 } as const

describe('config versions', () => {
  it.each<[string, Command[], string[]]>([
    ['a seed is the first', [seed], ['1 one seed active']],
    [
      'the next one supersedes',
      [seed, activation(1, 'two')],
      ['1 one seed superseded', '2 two apply active'],
    ],
    [
      'one that is to be confirmed is active, and says so',
      [seed, pending],
      ['1 one seed superseded', '2 two apply unconfirmed'],
    ],
    [
      'confirmed, it stays',
      [seed, pending, confirm],
      ['1 one seed superseded', '2 two apply active'],
    ],
    [
      'not confirmed, the text of before comes back as a new version',
      [seed, pending, expire],
      ['1 one seed superseded', '2 two apply rolled-back', '3 one expiry active'],
    ],
    [
      'a rollback is a new version too, and ends the wait',
      [seed, pending, back],
      ['1 one seed superseded', '2 two apply rolled-back', '3 one rollback active'],
    ],
    [
      'a confirmed one can be rolled back as well',
      [seed, activation(1, 'two'), back],
      ['1 one seed superseded', '2 two apply rolled-back', '3 one rollback active'],
    ],
    [
      'after an expiry the next one goes on',
      [seed, pending, expire, activation(3, 'four')],
      [
        '1 one seed superseded',
        '2 two apply rolled-back',
        '3 one expiry superseded',
        '4 four apply active',
      ],
    ],
  ])('%s', (_, commands, expected) => {
    const { machine } = labWith(...commands)
    expect(summary(machine.state.versions)).toEqual(expected)
    expect(machine.state.activeVersion).toBe(expected.length)
  })

  it.each<[string, Command[], Command, string, string]>([
    [
      'the slower of two writers',
      [seed, activation(1, 'two')],
      activation(1, 'three'),
      'config-conflict',
      'version 2 is active, not version 1',
    ],
    ['a second seed', [seed], activation(0, 'other', { cause: 'seed' }), 'config-conflict', ''],
    [
      'a config while one waits to be confirmed',
      [seed, pending],
      activation(2, 'three'),
      'confirmation-pending',
      'version 2 is not confirmed yet',
    ],
    [
      'the same config while it waits to be confirmed: it would look confirmed',
      [seed, pending],
      activation(2, 'two'),
      'confirmation-pending',
      '',
    ],
    ['to confirm what does not wait', [seed], confirm, 'confirmation-unknown', ''],
    [
      'to confirm another version than the one that waits',
      [seed, pending],
      { kind: 'config-confirm', version: 1 },
      'confirmation-unknown',
      'version 1 does not wait to be confirmed',
    ],
    ['to confirm twice', [seed, pending, confirm], confirm, 'confirmation-unknown', ''],
    ['to expire what was confirmed', [seed, pending, confirm], expire, 'confirmation-unknown', ''],
    ['to expire twice', [seed, pending, expire], expire, 'confirmation-unknown', ''],
    [
      'to expire too early',
      [seed, pending],
      { ...expire, timeMs: 64_999 },
      'confirmation-pending',
      '',
    ],
    [
      'an unconfirmed config where there is none to go back to',
      [],
      activation(0, 'one', { confirmMs: 60_000 }),
      'request-invalid',
      '',
    ],
    [
      'a config that is too long',
      [seed],
      activation(1, 'é'.repeat(TEXT_BYTES_MAX / 2 + 1)),
      'config-invalid',
      '',
    ],
  ])('refuse %s', (_, commands, command, code, message) => {
    const { machine, apply } = labWith(...commands)
    const before = machine.state
    expect(apply(command)).toEqual({
      kind: 'refused',
      code,
      message: message === '' ? expect.any(String) : message,
    })
    expect(machine.state).toBe(before)
  })

  it('make nothing of the text that is active', () => {
    const { machine, apply } = labWith(seed)
    const before = machine.state
    const again = { ...activation(1, 'one'), comment: 'again', confirmMs: 60_000 }
    expect(apply(again)).toEqual({ kind: 'done', isChanged: false, version: 1 })
    expect(machine.state).toBe(before)
  })

  it('say until when, and what to go back to', () => {
    const { machine } = labWith(seed, pending)
    expect(machine.state.confirmation).toEqual({ version: 2, previous: 1, deadlineMs: 65_000 })
  })

  it('say who, when and why', () => {
    const { machine } = labWith({
      ...activation(0, 'one'),
      author: 'lb2, admin API',
      comment: 'rack 7',
    })
    expect(machine.state.versions[0]).toEqual({
      version: 1,
      text: 'one',
      author: 'lb2, admin API',
      timeMs: 1_000,
      comment: 'rack 7',
      cause: 'apply',
      result: 'active',
    })
  })

  it('know the servers again when a text comes back', () => {
    const { machine } = labWith(seed, { ...pending, servers: ['app/z'] })
    expect(machine.hasServer('app/z')).toBe(true)
    expect(machine.hasServer('app/a')).toBe(false)
    const copy = openLab()
    copy.machine.restore(machine.snapshot())
    expect(copy.apply(expire)).toMatchObject({ kind: 'done' })
    expect(copy.machine.hasServer('app/z')).toBe(false)
    expect(copy.machine.hasServer('app/a')).toBe(true)
  })

  it(`are ${VERSIONS_MAX} at most, the newest`, () => {
    const { machine, apply } = openLab()
    for (let n = 0; n < VERSIONS_MAX + 20; n++) apply(activation(n, `text ${n}`))
    const kept = machine.state.versions.map(({ version }) => version)
    expect(kept).toEqual(Array.from({ length: VERSIONS_MAX }, (_, n) => n + 21))
  })

  it(`have ${VERSIONS_BYTES_MAX} bytes at most`, () => {
    const { machine, apply } = openLab()
    for (let n = 0; n < 12; n++) apply(activation(n, String.fromCharCode(97 + n).repeat(1_048_576)))
    expect(machine.state.versions.map(({ version }) => version)).toEqual([
      5, 6, 7, 8, 9, 10, 11, 12,
    ])
    apply(activation(12, 'short'))
    expect(machine.state.versions).toHaveLength(8)
    const back = machine.state.versions.at(-2)!
    apply(activation(13, 'risk', { confirmMs: 1_000 }))
    apply({ kind: 'config-expire', version: 14, timeMs: 2_000 })
    expect(machine.state.versions.at(-1)?.text).toBe('short')
    expect(machine.state.versions).toContain(back)
  })

  it.each(['', 'abc', 'é', '\u{1f600}', 'a\ud800', '\udc00b', '\ud800\ud800\udc00', '€ 5\n'])(
    'count the bytes of %j as an encoder does',
    (text) => {
      expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length)
    },
  )
})
