// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references as a config has them.
import { describe, expect, it } from 'vitest'
import { configOf, load } from '../loading.ts'

const PROXIES = `
frontends: {web: {bind: "127.0.0.1:8080", default_backend: app}}
backends: {app: {servers: {a: {address: "127.0.0.1:9001", check: true}}}}
`

const PEERS = 'peers: {lb2: "10.0.0.2:7400", lb1: "10.0.0.1:7400", "3": "lb3.example:7400"}'
const LEAST = `node: lb1, data-dir: /var/lib/sluice, secret-file: /etc/secret, ${PEERS}`

describe('section cluster', () => {
  it('has defaults for what may be left out, and keeps the order of the peers', () => {
    expect(configOf(`cluster: {${LEAST}}${PROXIES}`).cluster).toEqual({
      node: 'lb1',
      engine: 'raft',
      bind: { kind: 'inet', host: '10.0.0.1', port: 7400 },
      peers: [
        { name: 'lb2', address: '10.0.0.2:7400' },
        { name: 'lb1', address: '10.0.0.1:7400' },
        { name: '3', address: 'lb3.example:7400' },
      ],
      dataDir: '/var/lib/sluice',
      secretFile: '/etc/secret',
      tls: null,
      heartbeatIntervalMs: 50,
      electionTimeoutMs: 300,
      reads: 'read-index',
      rejoinAfterLoss: 'never',
    })
  })

  it('takes what is given', () => {
    const given = `
cluster:
  node: lb2
  engine: raft
  bind: ":7499"
  ${PEERS}
  data-dir: /var/lib/sluice
  tls: {ca: /etc/ca.pem, crt: /etc/crt.pem, key: /etc/key.pem}
  heartbeat-interval: 100ms
  election-timeout: 2s
  reads: lease
  rejoin-after-loss: automatic
`
    expect(configOf(given + PROXIES).cluster).toMatchObject({
      node: 'lb2',
      bind: { kind: 'inet', host: '0.0.0.0', port: 7499 },
      secretFile: null,
      tls: { caFile: '/etc/ca.pem', crtFile: '/etc/crt.pem', keyFile: '/etc/key.pem' },
      heartbeatIntervalMs: 100,
      electionTimeoutMs: 2_000,
      reads: 'lease',
      rejoinAfterLoss: 'automatic',
    })
  })

  it('is one text for all nodes where the environment names the node', () => {
    const text = `cluster: {${LEAST.replace('node: lb1', 'node: "${NODE}"')}}${PROXIES}`
    const binds = ['lb1', 'lb2'].map((node) => {
      return configOf(text, { env: { NODE: node } }).cluster?.bind
    })
    expect(binds).toMatchObject([{ host: '10.0.0.1' }, { host: '10.0.0.2' }])
  })

  it.each([
    ['no proof on loopback', '', 'peers: {lb1: "127.0.0.1:1", lb2: "[::1]:2"}', []],
    ['no proof elsewhere', '', 'peers: {lb1: "127.0.0.1:1", lb2: "10.0.0.2:1"}', ['exposed-peers']],
    ['no proof under a name', '', 'peers: {lb1: "127.0.0.1:1", lb2: "lb2:1"}', ['exposed-peers']],
    ['no proof and a wide bind', 'bind: ":1",', 'peers: {lb1: "127.0.0.1:1"}', ['exposed-peers']],
    ['a secret', 'secret-file: /s,', 'peers: {lb1: "10.0.0.1:1", lb2: "10.0.0.2:1"}', []],
    [
      'certificates',
      'tls: {ca: /a, crt: /c, key: /k},',
      'peers: {lb1: "10.0.0.1:1", lb2: "10.0.0.2:1"}',
      [],
    ],
    [
      'a secret that certificates have no use for',
      'secret-file: /s, tls: {ca: /a, crt: /c, key: /k},',
      'peers: {lb1: "10.0.0.1:1", lb2: "10.0.0.2:1"}',
      ['invalid-value'],
    ],
  ])('with %s', (_, proof, peers, codes) => {
    const text = `cluster: {node: lb1, data-dir: /d, ${proof} ${peers}}${PROXIES}`
    expect(load(text).diagnostics.map(({ code }) => code)).toEqual(codes)
  })

  it.each([
    [9, []],
    [10, ['out-of-range']],
  ])('may name %i peers: %j', (count, codes) => {
    const peers = Array.from({ length: count }, (_, n) => `lb${n + 1}: "127.0.0.1:${n + 1}"`)
    const text = `cluster: {node: lb1, data-dir: /d, peers: {${peers.join(', ')}}}${PROXIES}`
    expect(load(text).diagnostics.map(({ code }) => code)).toEqual(codes)
  })
})

describe('the health of a backend', () => {
  const backendWith = (more: string, defaults = ''): string => `
${defaults}
frontends: {web: {bind: "127.0.0.1:8080", default_backend: app}}
backends: {app: {${more} servers: {a: {address: "127.0.0.1:9001", check: true}}}}
`

  it.each([
    ['', '', 'majority', null],
    ['health-agreement: any, check-sharding: 2,', '', 'any', 2],
    ['health-agreement: local,', '', 'local', null],
    ['', 'defaults: {health-agreement: all, check-sharding: 3}', 'all', 3],
    [
      'health-agreement: majority,',
      'defaults: {health-agreement: all, check-sharding: 3}',
      'majority',
      3,
    ],
  ])('with {%s} and "%s" is agreed on by %s of %s', (more, defaults, healthAgreement, watchers) => {
    const [backend] = configOf(backendWith(more, defaults)).backends
    expect(backend).toMatchObject({ healthAgreement, checkSharding: watchers })
  })

  it.each([
    ['', '', false],
    ['local-veto: true,', '', true],
    ['', 'defaults: {local-veto: true}', true],
    ['local-veto: false,', 'defaults: {local-veto: true}', false],
  ])('with {%s} and "%s" has a local veto: %s', (more, defaults, localVeto) => {
    const [backend] = configOf(backendWith(more, defaults)).backends
    expect(backend).toMatchObject({ localVeto })
  })
})

describe('the sections of a node', () => {
  it('hold instead of those of another text', () => {
    const own = configOf(`
global: {maxconn: 77}
admin: {bind: "127.0.0.1:1234"}
cluster: {${LEAST}}
${PROXIES}`)
    const text = `
global: {maxconn: 88}
cluster: {node: lb2, data-dir: /other, secret-file: /s, ${PEERS}}
${PROXIES.replaceAll('app', 'api')}`
    const config = configOf(text, { own })
    expect([config.global, config.admin, config.cluster]).toEqual([
      own.global,
      own.admin,
      own.cluster,
    ])
    expect(config.backends[0]?.name).toBe('api')
  })
})
