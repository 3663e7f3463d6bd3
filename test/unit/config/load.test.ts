// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references as a config has them.
import { describe, expect, it } from 'vitest'
import {
  DEFAULT_BIND_TLS,
  DEFAULT_OUTGOING_TLS,
} from '../../../src/config/values/default-values.ts'
import { ROWS_MAX } from '../../../src/memory/server-table.ts'
import { configOf, load } from './loading.ts'

const MINIMAL = `
frontends:
  web:
    bind: :8080
    default_backend: app
backends:
  app:
    servers:
      app1: 10.0.0.1:80
`

const APP1 = {
  name: 'app1',
  address: { kind: 'inet', host: '10.0.0.1', port: 80 },
  initAddress: ['last', 'libc', 'none'],
  weight: 1,
  maxconn: 0,
  minconn: 0,
  maxqueue: 0,
  slowStartMs: 0,
  backup: false,
  disabled: false,
  cookie: null,
  sendProxy: null,
  tls: null,
  trafficTls: null,
  poolIdleMax: 10_000,
  poolPurgeDelayMs: 5_000,
  proto: null,
  check: null,
  observe: null,
  agent: null,
  track: null,
}

describe('a minimal config', () => {
  it('has a finite default for everything', () => {
    expect(configOf(MINIMAL)).toEqual({
      global: {
        nbthread: 2,
        maxconn: null,
        graceMs: 30_000,
        spreadChecksPercent: 0,
        log: { level: 'info', access: { to: 'stdout' } },
        tune: {
          bufsizeBytes: 16_384,
          maxrewriteBytes: 1_024,
          httpMaxhdr: 101,
          httpRequestLineBytesMax: 8_192,
          httpChunkExtensionBytesMax: 16_384,
          httpTrailerBytesMax: 15_360,
          httpPipelinedMax: 1_000,
          httpRetryBodyBytesMax: 16_384,
          h2Backend: { maxConcurrentStreams: 100, initialWindowSize: 65_536, glitchesMax: 1_000 },
          h2Frontend: {
            maxConcurrentStreams: 100,
            initialWindowSize: 65_536,
            glitchesMax: 1_000,
          },
          sslLifetimeMs: 300_000,
          sslTicketKeyRotationMs: 7_200_000,
          sslTicketKeys: 3,
        },
        bindTls: DEFAULT_BIND_TLS,
        outgoingTls: DEFAULT_OUTGOING_TLS,
      },
      admin: {
        tls: null,
        bind: { kind: 'inet', host: '127.0.0.1', port: 8404 },
        socket: { path: null, mode: 0o600, group: null },
        tokenFile: null,
        tokens: [],
        files: null,
        env: ['SLUICE_*'],
      },
      cluster: null,
      frontends: [
        {
          name: 'web',
          mode: 'tcp',
          binds: [
            {
              address: { kind: 'inet', host: '0.0.0.0', port: 8080 },
              backlog: 10_000,
              acceptProxy: false,
              proto: null,
              tls: null,
            },
          ],
          maxconn: 10_000,
          timeouts: {
            clientMs: 30_000,
            clientFinMs: 30_000,
            httpRequestMs: 10_000,
            httpKeepAliveMs: 60_000,
            tarpitMs: 5_000,
            tcpIdleMs: 3_600_000,
          },
          forwardfor: null,
          forwarded: null,
          acceptConnect: false,
          errorAnswers: [],
          dontlognull: false,
          ignoreProbes: false,
          log: true,
          acls: [],
          captures: [],
          httpRequest: [],
          httpResponse: [],
          tcpRequest: [],
          useBackend: [],
          defaultBackend: 'app',
        },
      ],
      backends: [
        {
          name: 'app',
          mode: 'tcp',
          balance: 'roundrobin',
          hashType: { method: 'map-based', function: 'sdbm', avalanche: false },
          hashBalanceFactor: null,
          timeouts: {
            connectMs: 5_000,
            serverMs: 30_000,
            serverFinMs: 30_000,
            queueMs: 5_000,
            checkMs: 2_000,
            tarpitMs: 5_000,
            tunnelMs: 3_600_000,
            tcpIdleMs: 3_600_000,
            tcpTunnelMs: null,
          },
          httpReuse: 'always',
          retries: 3,
          retryOn: ['conn-failure'],
          retryOnStatuses: [],
          retryBudget: { percent: 20, minPerSec: 10 },
          outlierDetection: null,
          circuitBreaker: { maxRequests: 0, maxPending: null },
          fullconn: 1000,
          acceptInvalidResponse: false,
          allbackups: false,
          redispatch: false,
          persistence: null,
          forwardfor: null,
          forwarded: null,
          healthAgreement: 'majority',
          checkSharding: null,
          localVeto: false,
          errorAnswers: [],
          acls: [],
          httpRequest: [],
          httpResponse: [],
          servers: [APP1],
          newServer: { ...APP1, name: '', address: { kind: 'inet', host: '', port: 0 } },
        },
      ],
    })
  })

  it('has no diagnostics, and survives a structured clone', () => {
    const { config, diagnostics } = load(MINIMAL)
    expect(diagnostics).toEqual([])
    expect(structuredClone(config)).toEqual(config)
  })

  it.each([
    [0, 1],
    [1, 1],
    [64, 64],
    [1_000, 64],
  ])('runs on %i cores with %i threads', (cores, nbthread) => {
    expect(configOf(MINIMAL, { cores }).global.nbthread).toBe(nbthread)
  })
})

describe('inheritance', () => {
  it('takes from the section itself, then from defaults, key by key', () => {
    const { frontends, backends } = configOf(`
defaults:
  mode: http
  balance: leastconn
  maxconn: 50
  log: false
  timeout: {client: 1s, server: 2s, connect: 3s}
  option: {dontlognull: true, redispatch: true, forwardfor: true}
  default-server: {inter: 7s, rise: 4, weight: 5, check: true}
frontends:
  own: {bind: ":1", maxconn: 60, log: true, timeout: {http-request: 4s}, option: {forwardfor: false}}
  inherits: {bind: ":2"}
backends:
  own:
    balance: random
    timeout: {server: 9s}
    option: {redispatch: false}
    default-server: {rise: 8}
    servers: {s1: {address: "h:1", weight: 6, check: false}, s2: "h:2"}
  inherits: {servers: {s1: "h:3"}}
`)
    const [own, inherits] = frontends
    expect(own).toMatchObject({
      mode: 'http',
      maxconn: 60,
      log: true,
      dontlognull: true,
      forwardfor: null,
      binds: [{ backlog: 60 }],
      timeouts: { clientMs: 1_000, clientFinMs: 1_000, httpRequestMs: 4_000 },
    })
    expect(inherits).toMatchObject({
      maxconn: 50,
      log: false,
      forwardfor: { header: 'X-Forwarded-For', ifNone: false, except: [] },
      binds: [{ backlog: 50 }],
      timeouts: { clientMs: 1_000, httpRequestMs: 10_000 },
    })
    expect(backends[0]).toMatchObject({
      balance: 'random',
      fullconn: 1000,
      acceptInvalidResponse: false,
      allbackups: false,
      redispatch: false,
      timeouts: { connectMs: 3_000, serverMs: 9_000, serverFinMs: 9_000 },
      servers: [
        { weight: 6, check: null },
        { weight: 5, check: { interMs: 7_000, rise: 8, fall: 3, timeoutMs: 2_000 } },
      ],
    })
    expect(backends[1]).toMatchObject({
      balance: 'leastconn',
      redispatch: true,
      timeouts: { connectMs: 3_000, serverMs: 2_000, serverFinMs: 2_000 },
      servers: [{ weight: 5, check: { rise: 4 } }],
    })
  })

  it('takes httpchk and forwardfor whole, without mixing their keys', () => {
    const { backends } = configOf(`
defaults:
  mode: http
  option: {httpchk: {uri: /a, host: a.example}, forwardfor: {header: X-A, if-none: true}}
  default-server: {check: true}
frontends: {web: {bind: ":1", default_backend: own}}
backends:
  own:
    option: {httpchk: {uri: /b}, forwardfor: {except: 10.0.0.0/8}}
    servers: {s1: "h:1"}
  off: {option: {httpchk: false, forwardfor: false}, servers: {s1: "h:1"}}
  plain: {option: {httpchk: true, forwardfor: true}, servers: {s1: "h:1"}}
`)
    const [own, off, plain] = backends
    const standard = {
      kind: 'http',
      method: 'OPTIONS',
      version: 'HTTP/1.0',
      headers: [],
      body: '',
      expect: [{ kind: 'status', negated: false, ranges: [[200, 399]] }],
      response: { acceptInvalid: false, headBytesMax: 15_360, headersMax: 101 },
    }
    expect(own?.servers[0]?.check?.protocol).toEqual({ ...standard, uri: '/b' })
    expect(own?.forwardfor).toEqual({
      header: 'X-Forwarded-For',
      ifNone: false,
      except: ['10.0.0.0/8'],
    })
    expect(off?.servers[0]?.check?.protocol).toBeNull()
    expect(off?.forwardfor).toBeNull()
    expect(plain?.servers[0]?.check?.protocol).toEqual({ ...standard, uri: '/' })
  })

  it('gives forwardfor of defaults to mode http alone', () => {
    const { frontends } = configOf(`
defaults: {option: {forwardfor: true}}
frontends: {raw: {bind: ":1"}, web: {mode: http, bind: ":2"}}
`)
    expect(frontends.map(({ forwardfor }) => forwardfor?.header)).toEqual([
      undefined,
      'X-Forwarded-For',
    ])
  })

  it('checks a server where it is told to', () => {
    const { backends } = configOf(`
frontends: {web: {bind: ":1", default_backend: app}}
backends:
  app:
    default-server: {check: true}
    servers:
      a: 10.0.0.1:80
      b: {address: "10.0.0.1:80", addr: "::2"}
      c: {address: "10.0.0.1:80", port: 81}
      d: {address: /run/d.sock}
      e: {address: /run/e.sock, addr: checks.example, port: 82}
`)
    expect(backends[0]?.servers.map(({ check }) => check?.address)).toEqual([
      { kind: 'inet', host: '10.0.0.1', port: 80 },
      { kind: 'inet', host: '::2', port: 80 },
      { kind: 'inet', host: '10.0.0.1', port: 81 },
      { kind: 'unix', path: '/run/d.sock' },
      { kind: 'inet', host: 'checks.example', port: 82 },
    ])
  })
})

describe('what is written', () => {
  it('keeps its order, also where names look like numbers', () => {
    const { frontends, backends } = configOf(`
frontends:
  z: {bind: ":1", mode: http, acl: {10: "path /", b: ["path /b", "path /c"], 2: "path /2"}}
  9: {bind: ":2"}
  1: {bind: ":3"}
backends:
  b: {servers: {20: "h:1", x: "h:2", 3: "h:3"}}
  07: {servers: {s: "h:1"}}
  5: {servers: {s: "h:1"}}
`)
    expect(frontends.map(({ name }) => name)).toEqual(['z', '9', '1'])
    expect(frontends[0]?.acls).toEqual([
      { name: '10', expressions: ['path /'] },
      { name: 'b', expressions: ['path /b', 'path /c'] },
      { name: '2', expressions: ['path /2'] },
    ])
    expect(backends.map(({ name }) => name)).toEqual(['b', '07', '5'])
    expect(backends[0]?.servers.map(({ name }) => name)).toEqual(['20', 'x', '3'])
  })

  it('may have names that objects have', () => {
    const { backends } = configOf(`
frontends: {toString: {bind: ":1", default_backend: constructor}}
backends: {constructor: {servers: {hasOwnProperty: "h:1"}}}
`)
    expect(backends[0]?.servers[0]?.name).toBe('hasOwnProperty')
  })

  it('takes the forms of bind, of an access log and of the admin address', () => {
    const { frontends, global, admin } = configOf(`
global: {log: {access: /var/log/access.log}}
admin: {bind: off}
frontends:
  one: {bind: ":1"}
  map: {bind: {address: ":2", backlog: 7}}
  list: {backlog: 8, bind: [":3", {address: "[::1]:4", backlog: 9}]}
`)
    expect(frontends.map(({ binds }) => binds.map(({ backlog }) => backlog))).toEqual([
      [10_000],
      [7],
      [8, 9],
    ])
    expect(global.log.access).toEqual({ to: 'file', path: '/var/log/access.log' })
    expect(admin.bind).toBeNull()
  })

  it('may use anchors', () => {
    const { backends } = configOf(`
frontends: {web: {bind: ":1", default_backend: a}}
backends:
  a: &a {servers: &servers {s1: "h:1"}}
  b: {servers: *servers}
  c: *a
`)
    expect(backends.map(({ servers }) => servers[0]?.name)).toEqual(['s1', 's1', 's1'])
  })

  it('may be text with a byte order mark, CRLF, and no line break at the end', () => {
    expect(configOf(`\ufeff${MINIMAL.replaceAll('\n', '\r\n').trimEnd()}`)).toEqual(
      configOf(MINIMAL),
    )
  })

  it('may begin with the mark of a document and end with that of its end', () => {
    expect(configOf(`---${MINIMAL}...\n`)).toEqual(configOf(MINIMAL))
  })
})

describe('the environment', () => {
  const env = { PORT: '8080', HOST: '10.0.0.9', THREADS: '3', ON: 'true', YAML: '{a: b}' }

  it('is put into values, which then have their type', () => {
    const { global, frontends, backends } = configOf(
      `
global:
  nbthread: \${THREADS}
frontends:
  web: {bind: "\${HOST-127.0.0.1}:\${PORT}", log: "\${ON}", mode: "\${MODE-http}"}
backends:
  app: {mode: http, servers: {s1: {address: "\${HOST}:1", check: "\${ON}", inter: "\${I-5s}"}}}
`,
      { env },
    )
    expect(global.nbthread).toBe(3)
    expect(frontends[0]).toMatchObject({
      log: true,
      mode: 'http',
      binds: [{ address: { host: '10.0.0.9', port: 8080 } }],
    })
    expect(backends[0]?.servers[0]).toMatchObject({
      address: { host: '10.0.0.9' },
      check: { interMs: 5_000 },
    })
  })

  it('is never read as YAML', () => {
    const { diagnostics } = load(MINIMAL.replace('app\nback', '${YAML}\nback'), { env })
    expect(diagnostics).toMatchObject([{ code: 'invalid-value', line: 5, col: 22, endCol: 29 }])
  })

  it('is not put into keys and comments', () => {
    const { diagnostics } = load(`# \${NOTHING}\n${MINIMAL.replace('app1', '${PORT}')}`, { env })
    expect(diagnostics.map(({ code }) => code)).toEqual(['invalid-name'])
  })
})

describe('languages', () => {
  it('are given the text, its kind and the conditions of the same section', () => {
    const seen: unknown[] = []
    configOf(
      `
defaults: {mode: http, balance: first}
frontends:
  web:
    bind: :1
    acl: {a: [path /a, path /b], b: path /c}
    http-request: [deny if a]
    http-response: [deny]
    use_backend: [app if b]
backends:
  app: {balance: random(2), acl: {c: path /d}, http-request: [deny if c], servers: {s: "h:1"}}
`,
      {
        validateBalance: (text) => {
          seen.push(text)
          return null
        },
        validateRule: (kind, text, acls) => {
          seen.push([kind, text, [...acls]])
          return null
        },
      },
    )
    const web = [
      ['a', ['path /a', 'path /b']],
      ['b', ['path /c']],
    ]
    const app = [['c', ['path /d']]]
    expect(seen).toEqual([
      'first',
      'random(2)',
      ['acl', 'path /a', web],
      ['acl', 'path /b', web],
      ['acl', 'path /c', web],
      ['http-request', 'deny if a', web],
      ['http-response', 'deny', web],
      ['use_backend', 'app if b', web],
      ['acl', 'path /d', app],
      ['http-request of a backend', 'deny if c', app],
    ])
  })
})

describe('the patterns of health checks', () => {
  it('are shown to the speaker of their language, and refused where they stand', () => {
    const { diagnostics } = load(
      `
defaults:
  option: {httpchk: {expect: ["rstatus ^2", "! rstring bad "]}}
frontends:
  web: {mode: tcp, bind: ":1", default_backend: app}
backends:
  app:
    mode: tcp
    option: {tcp-check: true}
    tcp-check: [expect string bad, "expect min-recv 4 rstring bad", expect rbinary bad]
    servers: {s: {address: "h:1", check: true}}
`,
      {
        validatePattern: (pattern) =>
          pattern === 'bad' ? { offset: 1, message: 'bad pattern', hint: 'Write another.' } : null,
      },
    )
    const problem = { code: 'invalid-value', message: 'bad pattern', hint: 'Write another.' }
    expect(diagnostics).toEqual([
      expect.objectContaining({ ...problem, line: 3, col: 57, endCol: 59 }),
      expect.objectContaining({ ...problem, line: 10, col: 64, endCol: 66 }),
      expect.objectContaining({ ...problem, line: 10, col: 85, endCol: 87 }),
    ])
  })
})

describe('caps', () => {
  it('refuses a text that is too long', () => {
    const { diagnostics } = load(`# ${'x'.repeat(4 * 1024 * 1024)}\n${MINIMAL}`)
    expect(diagnostics.map(({ code }) => code)).toEqual(['too-large'])
  })

  it.each(['#\n', '- ', 'a: b\n', '"" '])('refuses %j a million times', (words) => {
    const { diagnostics } = load(words.repeat(1_000_000))
    expect(diagnostics.map(({ code }) => code)).toEqual(['too-large'])
  })

  it.each(['[', '{a: ', '- ', '? ', '{? ', '? - '])('refuses %j nested without end', (open) => {
    const { diagnostics } = load(open.repeat(100_000))
    expect(diagnostics.map(({ code }) => code)).toEqual(['too-large'])
  })

  it('refuses a deep indentation', () => {
    const text = Array.from({ length: 500 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')
    expect(load(text).diagnostics.map(({ code }) => code)).toEqual(['too-large'])
  })

  it('refuses a bomb of aliases', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
    for (let i = 1; i < 2_000; i++) {
      const alias = `*a${i - 1}`
      lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => alias).join(', ')}]`)
    }
    expect(load(lines.join('\n')).diagnostics.map(({ code }) => code)).toEqual(['too-large'])
  })

  it('refuses an alias within its own anchor', () => {
    const { diagnostics } = load('frontends: &f {web: *f}')
    expect(diagnostics.map(({ code }) => code)).toEqual(['syntax'])
  })

  it('refuses control characters', () => {
    const { diagnostics } = load(MINIMAL.replace('web', 'w\x00b'))
    expect(diagnostics).toMatchObject([{ code: 'syntax', line: 3, col: 4 }])
  })

  it('refuses more names than the server table has rows', () => {
    const servers = Array.from({ length: ROWS_MAX }, (_, i) => `      s${i}: 10.0.0.1:80\n`)
    const { diagnostics } = load(MINIMAL.replace(/ +app1.*\n/, servers.join('')))
    expect(diagnostics.map(({ code }) => code)).toEqual(['too-many-names'])
  })

  it('takes ten thousand servers', () => {
    const servers = Array.from({ length: 10_000 }, (_, i) => `      s${i}: 10.0.0.1:80\n`)
    const config = configOf(MINIMAL.replace(/ +app1.*\n/, servers.join('')))
    expect(config.backends[0]?.servers).toHaveLength(10_000)
  })
})

describe('timeouts of mode tcp', () => {
  it.each([
    ['', [3_600_000, 3_600_000, null]],
    ['client: 1m', [60_000, 3_600_000, null]],
    ['client: 1m, server: 30s', [60_000, 30_000, null]],
    ['client: 1m, tunnel: 8h', [60_000, 3_600_000, 28_800_000]],
  ])('{%s} give the client, the server and the tunnel %j', (timeout, expected) => {
    const { frontends, backends } = configOf(`${MINIMAL}\ndefaults: {timeout: {${timeout}}}\n`)
    const ofBackend = backends[0]?.timeouts
    expect([
      frontends[0]?.timeouts.tcpIdleMs,
      ofBackend?.tcpIdleMs,
      ofBackend?.tcpTunnelMs,
    ]).toEqual(expected)
  })
})

describe('a text that is not the file of the node', () => {
  const own = configOf(MINIMAL)
  const apply = (text: string, ownText: string) =>
    load(text, { own, ownText, allowedVariables: [] }).diagnostics

  it('is warned of sections that are passed over, where they are others than its own', () => {
    const sections = 'global: {nbthread: 3}\nadmin:\n  bind: 127.0.0.1:1\n'
    expect(apply(sections + MINIMAL, MINIMAL)).toMatchObject([
      { severity: 'warning', code: 'not-applied', path: ['global'], line: 1, col: 1, endCol: 7 },
      { severity: 'warning', code: 'not-applied', path: ['admin'], line: 2 },
    ])
    expect(apply(sections + MINIMAL, `# mine\n${sections}frontends: {}\n`)).toEqual([])
  })
})
