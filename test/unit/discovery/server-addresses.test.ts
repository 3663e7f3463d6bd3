import { expect, it } from 'vitest'
import type { Address } from '../../../src/base/address.ts'
import { NameResolution } from '../../../src/discovery/name-resolution.ts'
import {
  hostNamesOf,
  isUnresolved,
  lookUpServers,
  placesOf,
} from '../../../src/discovery/server-addresses.ts'
import type { Config, InitAddress, ServerConfig } from '../../../src/model/config.ts'
import { recordedLog } from '../supervisor/recorded-log.ts'

const inet = (host: string, port = 80): Address => ({ kind: 'inet', host, port })

function serverOf(address: Address, methods: readonly InitAddress[], more: object = {}) {
  const server = { address, initAddress: methods, check: null, agent: null, ...more }
  return server as unknown as ServerConfig
}

function configOf(...servers: readonly ServerConfig[]): Config {
  return { backends: [{ name: 'app', servers }] } as unknown as Config
}

function namesOf(zone: Readonly<Record<string, string>>, last: Record<string, string> = {}) {
  return new NameResolution({
    lookup: async (name) => {
      if (zone[name] === undefined) throw new Error('not found')
      if (zone[name] === 'silence') await new Promise(() => {})
      return [zone[name]]
    },
    last: new Map(Object.entries(last)),
    log: recordedLog([]),
  })
}

it.each<[string, InitAddress[], string]>([
  ['found', ['last', 'libc', 'none'], '10.0.0.1'],
  ['found', [{ host: '10.9.9.9' }, 'libc'], '10.0.0.1'],
  ['kept', ['last', 'libc', 'none'], '10.0.0.7'],
  ['kept', ['libc', 'none'], 'kept'],
  ['kept', [{ host: '10.9.9.9' }, 'last'], '10.9.9.9'],
  ['lost', ['last', 'libc', 'none'], 'lost'],
  ['lost', ['last', 'libc', { host: '::1' }], '::1'],
  ['silent', ['last', 'libc', 'none'], 'silent'],
  ['silent', ['none'], 'silent'],
])('a server at %s begins by %j at %s', async (name, methods, expected) => {
  const names = namesOf({ found: '10.0.0.1', silent: 'silence' }, { kept: '10.0.0.7' })
  const server = serverOf(inet(name), methods)
  await lookUpServers(configOf(server), names)
  expect(placesOf(server, names).address).toEqual(inet(expected))
  expect(isUnresolved(placesOf(server, names).address)).toBe(expected === name)
})

it('is refused where its name is not found and nothing stands in', async () => {
  const servers = [serverOf(inet('found'), ['libc']), serverOf(inet('lost'), ['last', 'libc'])]
  const names = namesOf({ found: '10.0.0.1' })
  await lookUpServers(configOf(...servers), names)
  const places = servers.map((server) => () => placesOf(server, names).address)
  expect(places[0]?.()).toEqual(inet('10.0.0.1'))
  expect(places[1]).toThrow(
    expect.objectContaining({
      code: 'host-unresolved',
      message: expect.stringContaining('lost'),
    }),
  )
})

it('is not looked up again where its name is known', async () => {
  const asked: string[] = []
  const names = new NameResolution({
    lookup: async (name) => {
      asked.push(name)
      return ['10.0.0.1']
    },
    log: recordedLog([]),
  })
  const servers = [serverOf(inet('one'), ['libc']), serverOf(inet('two'), ['none'])]
  await lookUpServers(configOf(...servers), names, new Set(['one']))
  expect(asked).toEqual(['two'])
})

it('takes its check and its agent along, each to its own address', async () => {
  const names = namesOf({ app: '10.0.0.1', probe: '10.0.0.2' })
  const agent = { address: inet('lost', 99) }
  const server = serverOf(inet('app'), ['none'], { check: { address: inet('app', 81) }, agent })
  const beside = serverOf(inet('10.0.0.3'), [], { check: { address: inet('probe') } })
  expect(hostNamesOf(configOf(server, beside))).toEqual(new Set(['app', 'lost', 'probe']))
  expect(placesOf(server, names).check?.address).toEqual(inet('app', 81))
  await lookUpServers(configOf(server, beside), names)
  expect(placesOf(server, names)).toMatchObject({
    address: inet('10.0.0.1'),
    check: { address: inet('10.0.0.1', 81) },
    agent: { address: inet('lost', 99) },
  })
  expect(placesOf(beside, names)).toMatchObject({
    address: inet('10.0.0.3'),
    check: { address: inet('10.0.0.2') },
  })
})
