import { describe, expect, it } from 'vitest'
import { POOL_ENTRIES_MAX } from '../../../../src/cluster/state-machine/bounds.ts'
import type { Command, ServerSettingName } from '../../../../src/cluster/state-machine/commands.ts'
import type { PoolEntry } from '../../../../src/cluster/state-machine/state.ts'
import { activation, backendOf, type Lab, openLab } from './command-lab.ts'

const seed = activation(0, 'one')
const add = (server: string, weight: number | null = null): Command => ({
  kind: 'server-add',
  backend: 'app',
  server,
  address: '10.0.0.9:80',
  weight,
  author: 'me',
})
const set = (
  server: string,
  setting: { state?: 'ready' | 'drain' | 'maint'; weight?: number; address?: string },
  ...unset: readonly ServerSettingName[]
): Command => ({ kind: 'server-set', backend: 'app', server, ...setting, unset, author: 'me' })
const remove = (server: string): Command => ({
  kind: 'server-remove',
  backend: 'app',
  server,
  author: 'me',
})

function labWith(...commands: readonly Command[]): Lab {
  const lab = openLab()
  for (const command of commands) expect(lab.apply(command)).toMatchObject({ kind: 'done' })
  return lab
}

const summary = (entries: readonly PoolEntry[]): string[] =>
  entries.map(({ backend, server, isAdded, address, state, weight }) => {
    return `${isAdded ? '+' : ''}${backend}/${server} ${address} ${state} ${weight}`
  })

describe('the pool', () => {
  it.each<[string, Command[], string[]]>([
    ['says nothing at first', [], []],
    [
      'has what was added',
      [add('x'), add('y', 7)],
      ['+app/x 10.0.0.9:80 null null', '+app/y 10.0.0.9:80 null 7'],
    ],
    [
      'has what was set of a server of the config',
      [set('a', { state: 'drain' })],
      ['app/a null drain null'],
    ],
    [
      'lays one setting over the other',
      [
        set('a', { state: 'drain' }),
        set('a', { weight: 0 }),
        set('a', { state: 'ready', address: 'h:1' }),
      ],
      ['app/a h:1 ready 0'],
    ],
    [
      'has what was set of an added server',
      [add('x', 1), set('x', { weight: 2 })],
      ['+app/x 10.0.0.9:80 null 2'],
    ],
    [
      'keeps the order in which servers were first set',
      [set('b', { weight: 1 }), add('x'), set('a', { weight: 1 }), set('b', { weight: 2 })],
      ['app/b null null 2', '+app/x 10.0.0.9:80 null null', 'app/a null null 1'],
    ],
    [
      'forgets what is unset, and nothing else',
      [
        set('a', { state: 'drain', weight: 5, address: 'h:1' }),
        set('a', {}, 'state', 'address'),
        set('b', { weight: 1 }),
      ],
      ['app/a null null 5', 'app/b null null 1'],
    ],
    [
      'sets and unsets at once',
      [set('a', { weight: 5 }), set('a', { state: 'maint' }, 'weight')],
      ['app/a null maint null'],
    ],
    [
      'says nothing any more of a server of which nothing is set',
      [set('a', { weight: 5 }), set('b', { weight: 6 }), set('a', {}, 'weight')],
      ['app/b null null 6'],
    ],
    [
      'keeps an added server of which nothing is set',
      [add('x', 1), set('x', { state: 'drain' }), set('x', {}, 'state', 'weight')],
      ['+app/x 10.0.0.9:80 null null'],
    ],
    ['forgets what was removed', [add('x'), set('x', { weight: 3 }), remove('x')], []],
    ['takes a name again', [add('x'), remove('x'), add('x', 4)], ['+app/x 10.0.0.9:80 null 4']],
  ])('%s', (_, commands, expected) => {
    const { machine } = labWith(seed, ...commands)
    expect(summary(machine.state.pool)).toEqual(expected)
  })

  it.each<[string, Command[], Command, string, string]>([
    [
      'a server of an unknown backend',
      [],
      { ...add('x'), backend: 'no' } as Command,
      'backend-unknown',
      'there is no backend no',
    ],
    [
      'a server that the config names',
      [],
      add('a'),
      'server-exists',
      'server app/a is in the config',
    ],
    [
      'a server that was added',
      [add('x')],
      add('x'),
      'server-exists',
      'there is a server app/x already',
    ],
    [
      'a change of no server',
      [],
      set('x', { weight: 1 }),
      'server-unknown',
      'there is no server app/x',
    ],
    [
      'a change of a removed server',
      [add('x'), remove('x')],
      set('x', { weight: 1 }),
      'server-unknown',
      '',
    ],
    [
      'to remove a server of the config',
      [],
      remove('a'),
      'server-configured',
      'server app/a is in the config',
    ],
    [
      'to remove one with something set',
      [set('a', { weight: 1 })],
      remove('a'),
      'server-configured',
      '',
    ],
    [
      'to forget where an added server is',
      [add('x')],
      set('x', {}, 'address'),
      'change-invalid',
      'server app/x was added: no config says its address',
    ],
    ['to remove no server', [], remove('x'), 'server-unknown', 'there is no server app/x'],
  ])('refuses %s', (_, commands, command, code, message) => {
    const { machine, apply } = labWith(seed, ...commands)
    const before = machine.state
    expect(apply(command)).toEqual({
      kind: 'refused',
      code,
      message: message === '' ? expect.any(String) : message,
    })
    expect(machine.state).toBe(before)
  })

  it.each<[string, Command]>([
    ['the same weight', set('a', { weight: 5 })],
    ['nothing', set('a', {})],
    ['forgetting what is not set', set('a', {}, 'state', 'address')],
    ['forgetting what is not set of a server that it says nothing of', set('b', {}, 'weight')],
  ])('is not changed by %s', (_, command) => {
    const { machine, apply } = labWith(seed, set('a', { weight: 5 }))
    const before = machine.state
    expect(apply(command)).toMatchObject({ kind: 'done', isChanged: false })
    expect(machine.state).toBe(before)
  })

  it.each<[string, Command[], Partial<typeof seed>, string[]]>([
    [
      'keeps what is set of servers that stay',
      [set('a', { state: 'maint' })],
      {},
      ['app/a null maint null'],
    ],
    [
      'forgets servers that the text no longer names',
      [set('b', { weight: 1 })],
      { servers: ['app/a'] },
      [],
    ],
    ['keeps added servers', [add('x')], {}, ['+app/x 10.0.0.9:80 null null']],
    [
      'forgets added servers of a backend that is gone',
      [add('x')],
      { servers: ['api/a'], backends: [backendOf('api')] },
      [],
    ],
    [
      'gives way to a text that names an added server',
      [add('x', 9)],
      { servers: ['app/a', 'app/x'] },
      [],
    ],
    [
      'also where it was set ready',
      [add('x', 9), set('x', { state: 'ready' })],
      { servers: ['app/x'] },
      [],
    ],
    [
      'but leaves out of use what was taken out of use',
      [add('x', 9), set('x', { state: 'maint' })],
      { servers: ['app/x'] },
      ['app/x null maint null'],
    ],
  ])('%s when another config is active', (_, commands, text, expected) => {
    const { machine } = labWith(seed, ...commands, activation(1, 'two', text))
    expect(summary(machine.state.pool)).toEqual(expected)
  })

  it('forgets in the same way when a config goes back', () => {
    const { machine } = labWith(
      seed,
      activation(1, 'two', { servers: ['app/a', 'app/z'], confirmMs: 1_000 }),
      set('z', { weight: 1 }),
      { kind: 'config-expire', version: 2, timeMs: 2_000 },
    )
    expect(machine.state.pool).toEqual([])
  })

  it(`has ${POOL_ENTRIES_MAX} entries at most, and they can still be changed`, () => {
    const { machine, apply } = labWith(seed)
    for (let n = 0; n < POOL_ENTRIES_MAX; n++) apply(add(`x${n}`))
    expect(machine.state.pool).toHaveLength(POOL_ENTRIES_MAX)
    expect(apply(add('more'))).toMatchObject({ code: 'pool-full' })
    expect(apply(set('a', { weight: 1 }))).toMatchObject({ code: 'pool-full' })
    expect(apply(set('x7', { weight: 1 }))).toMatchObject({ isChanged: true })
    apply(remove('x0'))
    expect(apply(set('a', { weight: 1 }))).toMatchObject({ isChanged: true })
    expect(apply(add('more'))).toMatchObject({ code: 'pool-full' })
    apply(set('a', {}, 'weight'))
    expect(apply(add('more'))).toMatchObject({ isChanged: true })
  })
})
