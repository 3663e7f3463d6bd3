import { describe, expect, it } from 'vitest'
import type { ServerSetting } from '../../../src/cluster/cluster.ts'
import type { PoolEntry } from '../../../src/cluster/state-machine/state.ts'
import { NodeLab, request, TEXT } from './node-lab.ts'

const NEXT = 'app majority: a b c\n'

describe('activation', () => {
  it('tries again what fails, ever more seldom, and says so', async () => {
    const lab = await NodeLab.start()
    const { host, lines } = lab.get('lb2')
    host.inability = 'app.example does not resolve'
    await lab.get('lb1').node.applyConfig(request(NEXT))
    await lab.timers.advance(20_000)
    expect(host.runningText).toBe(TEXT)
    const refused = lines.filter(({ event }) => event === 'config-refused')
    expect(refused.map(({ fields }) => fields['retryMs'])).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000,
    ])
    expect(refused[0]).toMatchObject({
      level: 'error',
      message: 'config version 2 cannot be run here: app.example does not resolve',
      fields: { code: 'host-unresolved', version: 2 },
    })
    const { nodes } = await lab.get('lb1').node.status()
    expect(nodes[1]).toMatchObject({
      configVersion: 1,
      note: expect.stringContaining('cannot run version 2: app.example does not resolve'),
    })
    host.inability = ''
    await lab.timers.advance(20_000)
    expect(host.runningText).toBe(NEXT)
    const later = await lab.get('lb1').node.status()
    expect(later.nodes[1]).toMatchObject({ configVersion: 2 })
    expect(later.nodes[1]?.note).not.toContain('cannot run')
  })

  it('that fails for what several lines say is told of in one, without the config', async () => {
    const lab = await NodeLab.start()
    lab.get('lb2').host.inability = 'no room\nconfig:1:1: set-header Authorization secret'
    await lab.get('lb1').node.applyConfig(request(NEXT))
    await lab.timers.advance(1_000)
    const { nodes } = await lab.get('lb1').node.status()
    expect(nodes[1]?.note).toMatch(/^cannot run version 2: no room(;|$)/)
    expect(nodes[1]?.note).not.toContain('secret')
  })

  it('never waits longer than a minute', async () => {
    const lab = await NodeLab.start()
    const { host, lines } = lab.get('lb2')
    host.inability = 'no'
    await lab.get('lb1').node.applyConfig(request(NEXT))
    await lab.timers.advance(600_000)
    expect(lines.at(-1)?.fields['retryMs']).toBe(60_000)
  })

  it('does not wait with something newer', async () => {
    const lab = await NodeLab.start()
    const { host, lines } = lab.get('lb2')
    host.inability = 'no'
    await lab.get('lb1').node.applyConfig(request(NEXT))
    await lab.timers.advance(100_000)
    host.inability = ''
    await lab.get('lb1').node.rollbackConfig(1, '')
    await lab.settle()
    expect(host.runningVersion).toBe(3)
    const { length } = lines
    await lab.timers.advance(100_000)
    expect(lines.slice(length).filter(({ event }) => event.startsWith('config-'))).toEqual([])
  })

  it('tells who applied it what is wrong on the asked node', async () => {
    const lab = await NodeLab.start()
    lab.get('lb1').host.inability = 'no room'
    const { warnings, version } = await lab.get('lb1').node.applyConfig(request(NEXT))
    expect(version).toBe(2)
    expect(warnings).toBe('lb1 cannot run version 2 yet, and tries on: no room\n')
    const failure = lab.get('lb1').node.activationFailure
    expect(failure).toMatchObject({ version: 2, error: { code: 'host-unresolved' } })
    expect(lab.get('lb2').node.activationFailure).toBeNull()
  })

  it('runs the latest of what came meanwhile, one at a time', async () => {
    const lab = await NodeLab.start()
    const { host } = lab.get('lb2')
    let open = (): void => {}
    host.gate = new Promise((resolve) => {
      open = resolve
    })
    const { node } = lab.get('lb1')
    for (const n of [1, 2, 3, 4]) await node.applyConfig(request(`# ${n}\n${TEXT}`))
    await lab.settle()
    expect(host.activating).toBe(1)
    open()
    await lab.settle()
    expect(host.activated.map(({ version }) => version.version)).toEqual([1, 2, 5])
  })

  it('answers although an activation hangs', async () => {
    const lab = await NodeLab.start()
    lab.get('lb1').host.gate = new Promise(() => {})
    const answered = lab.get('lb1').node.applyConfig(request(NEXT))
    await lab.timers.advance(10_000)
    expect(await answered).toMatchObject({ version: 2, isChanged: true })
  })
})

describe('the pool', () => {
  it('is agreed on, and runs everywhere', async () => {
    const lab = await NodeLab.start()
    await lab.get('lb2').node.addServer('app', 'x', '10.0.0.9:80', 7, 'me')
    await lab.get('lb2').node.setServer('app', 'a', { state: 'drain' }, 'me')
    expect(lab.get('lb2').host.activated.at(-1)?.pool).toHaveLength(2)
    await lab.settle()
    for (const { activated } of lab.hosts()) {
      expect(activated.at(-1)).toMatchObject({
        version: { version: 1 },
        pool: [
          { server: 'x', isAdded: true, address: '10.0.0.9:80', weight: 7 },
          { server: 'a', isAdded: false, state: 'drain' },
        ],
      })
    }
    expect(lab.get('lb3').events()).toEqual(expect.arrayContaining(['server-added', 'server-set']))
    await lab.get('lb3').node.removeServer('app', 'x', 'me')
    expect(lab.get('lb3').node.state().pool).toHaveLength(1)
    expect(lab.get('lb1').events()).toContain('server-removed')
  })

  it('is not activated again for what changes nothing', async () => {
    const lab = await NodeLab.start()
    const { node, host } = lab.get('lb1')
    await node.setServer('app', 'a', { weight: 3 }, 'me')
    const { length } = host.activated
    await node.setServer('app', 'a', { weight: 3 }, 'me')
    await lab.settle()
    expect(host.activated).toHaveLength(length)
  })

  describe('where something is set to what the config says', () => {
    const setting = { state: 'drain', weight: 5, address: '10.0.0.9:80' } as const
    const says = { state: 'ready', weight: 3, address: '[::1]:80' } as const

    async function labWithSettings(): Promise<NodeLab> {
      const lab = await NodeLab.start()
      for (const host of lab.hosts()) host.settings.set('app/a', says)
      await lab.get('lb1').node.setServer('app', 'a', setting, 'me')
      return lab
    }

    it.each<[ServerSetting, Partial<PoolEntry> | null]>([
      [{ weight: 3 }, { state: 'drain', weight: null, address: '10.0.0.9:80' }],
      [{ state: 'ready' }, { state: null, weight: 5, address: '10.0.0.9:80' }],
      [{ address: '::1:80' }, { state: 'drain', weight: 5, address: null }],
      [
        { weight: 3, state: 'maint' },
        { state: 'maint', weight: null, address: '10.0.0.9:80' },
      ],
      [says, null],
    ])('leaves it to the config: %j', async (change, expected) => {
      const lab = await labWithSettings()
      await lab.get('lb2').node.setServer('app', 'a', change, 'me')
      await lab.settle()
      for (const { activated } of lab.hosts()) {
        const [entry, ...more] = activated.at(-1)?.pool ?? []
        expect(more).toEqual([])
        if (expected === null) expect(entry).toBeUndefined()
        else expect(entry).toMatchObject(expected)
      }
    })

    it('logs what is left to it', async () => {
      const lab = await labWithSettings()
      await lab.get('lb1').node.setServer('app', 'a', { weight: 3, state: 'maint' }, 'me')
      const line = lab.get('lb3').lines.findLast(({ event }) => event === 'server-set')
      expect(line).toMatchObject({
        message: 'server app/a is set to state maint, weight as configured (by me)',
        fields: { server: 'app/a', state: 'maint', unset: ['weight'] },
      })
      expect(line?.fields).not.toHaveProperty('weight')
    })

    it('sets it nevertheless on a node that does not run that config', async () => {
      const lab = await labWithSettings()
      const { host, node } = lab.get('lb2')
      host.inability = 'no room'
      await lab.get('lb1').node.applyConfig(request(NEXT))
      await node.setServer('app', 'a', { weight: 3 }, 'me')
      expect(node.state().pool).toMatchObject([{ server: 'a', weight: 3 }])
    })
  })

  it.each([
    ['an unknown backend', 'no', 'x', 'h:80', null, 'backend-unknown'],
    ['a backend that cannot be', 'n/o', 'x', 'h:80', null, 'backend-unknown'],
    ['a server of the config', 'app', 'a', 'h:80', null, 'server-exists'],
    ['a name that is none', 'app', 'x y', 'h:80', null, 'change-invalid'],
    ['an empty name', 'app', '', 'h:80', null, 'change-invalid'],
    ['an address without a port', 'app', 'x', 'host', null, 'change-invalid'],
    ['an address of no host', 'app', 'x', ':80', null, 'change-invalid'],
    ['an address that is too long', 'app', 'x', `${'h'.repeat(300)}:80`, null, 'change-invalid'],
    ['a weight out of range', 'app', 'x', 'h:80', 257, 'change-invalid'],
    ['half a weight', 'app', 'x', 'h:80', 0.5, 'change-invalid'],
  ] as const)('refuses to add %s', async (_, backend, server, address, weight, code) => {
    const lab = await NodeLab.start()
    const { length } = lab.cluster
    await expect(
      lab.get('lb1').node.addServer(backend, server, address, weight, 'me'),
    ).rejects.toMatchObject({ code })
    if (code === 'change-invalid') expect(lab.cluster.length).toBe(length)
  })

  it.each([
    ['nothing', 'a', {}, 'change-invalid'],
    ['a weight out of range', 'a', { weight: -1 }, 'change-invalid'],
    ['a state that is none', 'a', { state: 'up' as 'ready' }, 'change-invalid'],
    ['an address that is none', 'a', { address: 'host' }, 'change-invalid'],
    ['an unknown server', 'x', { weight: 1 }, 'server-unknown'],
    ['a server that cannot be', '../x', { weight: 1 }, 'server-unknown'],
  ])('refuses to set %s', async (_, server, setting, code) => {
    const lab = await NodeLab.start()
    await expect(lab.get('lb1').node.setServer('app', server, setting, 'me')).rejects.toMatchObject(
      {
        code,
      },
    )
  })

  it.each([
    ['of the config', 'a', 'server-configured'],
    ['that is unknown', 'x', 'server-unknown'],
    ['that cannot be', 'x/y', 'server-unknown'],
  ])('refuses to remove a server %s', async (_, server, code) => {
    const lab = await NodeLab.start()
    await expect(lab.get('lb1').node.removeServer('app', server, 'me')).rejects.toMatchObject({
      code,
    })
  })
})
