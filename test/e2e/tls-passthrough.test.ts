import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { createAuthority } from '../fixtures/certificates.ts'
import { clientHello } from '../unit/worker/accept/client-hellos.ts'
import { startDaemon } from './support/daemon.ts'
import { startHaproxy } from './support/haproxy.ts'
import { startNginx } from './support/nginx.ts'
import { freePort } from './support/ports.ts'
import { runProgram } from './support/processes.ts'
import { openSocket, readUntil } from './support/raw-client.ts'
import { requires } from './support/requirements.ts'
import { startTcpServer } from './support/tcp-server.ts'
import { writePem } from './support/tls-server.ts'
import { until } from './support/waiting.ts'

const INSPECT_DELAY_MS = 700

/** What the rules of a test say, for both programs. */
interface Rules {
  readonly acl?: Readonly<Record<string, string>>
  readonly content: readonly string[]
  readonly routes: readonly string[]
  readonly default?: string
}

const BY_NAME: Rules = {
  acl: { tls: 'req.ssl_hello_type 1', named: 'req.ssl_sni -m found' },
  content: [`inspect-delay ${INSPECT_DELAY_MS}ms`, 'content accept if tls'],
  routes: ['a if { req.ssl_sni a.example }', 'b if { req.ssl_sni -m end .b.example }'],
  default: 'r',
}

const STRICT: Rules = {
  ...BY_NAME,
  content: [
    `inspect-delay ${INSPECT_DELAY_MS}ms`,
    'content reject if !tls',
    'content reject if tls !named',
  ],
}

const BY_PROTOCOL: Rules = {
  content: [`inspect-delay ${INSPECT_DELAY_MS}ms`, 'content accept if { req_ssl_hello_type 1 }'],
  routes: ['a if { req.ssl_alpn acme-tls/1 }', 'b if { req.ssl_alpn -m sub h2 }'],
}

const OR_AT_ONCE: Rules = {
  ...BY_NAME,
  content: [
    `inspect-delay ${INSPECT_DELAY_MS}ms`,
    'content reject if { req.ssl_sni bad.example } or { src 10.0.0.0/8 }',
    'content accept if { req.ssl_ver 3.3 } or { req.ssl_ver gt 3.3 } or { src 127.0.0.0/8 }',
  ],
}

const WITHOUT_DELAY: Rules = { ...BY_NAME, content: ['content reject if !tls'] }

const IMPATIENT: Rules = {
  ...BY_NAME,
  content: ['inspect-delay 30s', 'content accept if tls'],
}

const RULES = {
  byName: BY_NAME,
  strict: STRICT,
  byProtocol: BY_PROTOCOL,
  orAtOnce: OR_AT_ONCE,
  withoutDelay: WITHOUT_DELAY,
  impatient: IMPATIENT,
} as const

type RulesName = keyof typeof RULES

const TIMEOUTS = { connect: '5s', client: '2s', server: '30s' }

const HELLO_A = { servername: 'a.example' }

/** A client: pieces that it sends with pauses between, and whether it then ends its side. */
interface Client {
  readonly pieces: readonly string[]
  readonly pauseMs?: number
  readonly ends?: boolean
}

const CASES: readonly [what: string, rules: RulesName, client: () => Promise<Client>][] = [
  ['a name', 'byName', async () => ({ pieces: [await clientHello(HELLO_A)] })],
  [
    'a name below one',
    'byName',
    async () => ({ pieces: [await clientHello({ servername: 'x.b.example' })] }),
  ],
  [
    'an unknown name',
    'byName',
    async () => ({ pieces: [await clientHello({ servername: 'c.example' })] }),
  ],
  ['no name', 'byName', async () => ({ pieces: [await clientHello({})] })],
  ['no TLS', 'byName', async () => ({ pieces: ['GET / HTTP/1.1\r\nHost: a.example\r\n\r\n'] })],
  ['nothing', 'byName', async () => ({ pieces: [] })],
  ['nothing, and an end', 'byName', async () => ({ pieces: [], ends: true })],
  [
    'a part, and an end',
    'byName',
    async () => ({ pieces: [(await clientHello(HELLO_A)).slice(0, 100)], ends: true }),
  ],
  [
    'a part that is never more',
    'byName',
    async () => ({ pieces: [(await clientHello(HELLO_A)).slice(0, 100)] }),
  ],
  [
    'a head cut at a few bytes',
    'byName',
    async () => ({ pieces: [(await clientHello(HELLO_A)).slice(0, 7)] }),
  ],
  [
    'a name, cut where it is not seen yet',
    'strict',
    async () => cutAt(await clientHello(HELLO_A), 9, 60),
  ],
  ['a name, refusing the rest', 'strict', async () => ({ pieces: [await clientHello(HELLO_A)] })],
  ['no name, refusing the rest', 'strict', async () => ({ pieces: [await clientHello({})] })],
  ['no TLS, refusing the rest', 'strict', async () => ({ pieces: ['SSH-2.0-client\r\n'] })],
  ['nothing, refusing the rest', 'strict', async () => ({ pieces: [] })],
  [
    'a protocol',
    'byProtocol',
    async () => ({ pieces: [await clientHello({ ALPNProtocols: ['acme-tls/1'] })] }),
  ],
  [
    'several protocols',
    'byProtocol',
    async () => ({ pieces: [await clientHello({ ALPNProtocols: ['h2', 'http/1.1'] })] }),
  ],
  ['no protocol and no default', 'byProtocol', async () => ({ pieces: [await clientHello({})] })],
  [
    'alternatives of which one is sure at once',
    'orAtOnce',
    async () => cutAt(await clientHello(HELLO_A), 20),
  ],
  [
    'a name that is refused',
    'orAtOnce',
    async () => ({ pieces: [await clientHello({ servername: 'bad.example' })] }),
  ],
  ['too little until timeout client', 'impatient', async () => ({ pieces: ['\x16\x03'] })],
  ['nothing until timeout client', 'impatient', async () => ({ pieces: [] })],
  [
    'more than is looked at',
    'byName',
    async () => ({ pieces: [`\x16\x03\x01\x40\x00\x01\x00\x7f\x00${'x'.repeat(30_000)}`] }),
  ],
  ['no time to inspect', 'withoutDelay', async () => ({ pieces: [], pauseMs: 100 })],
]

function cutAt(hello: string, ...places: readonly number[]): Client {
  const pieces = [0, ...places].map((place, n) => hello.slice(place, places[n]))
  return { pieces, pauseMs: 50 }
}

/** Servers that say their name, and then send back what they hear; their addresses by name. */
async function startFarm(): Promise<Readonly<Record<string, string>>> {
  const farm: Record<string, string> = {}
  for (const name of ['a', 'b', 'r']) {
    const server = await startTcpServer((socket) => {
      socket.write(name)
      socket.pipe(socket)
    })
    farm[name] = server.address
  }
  return farm
}

/** Where a program listens, by the name of the rules, and its log. */
interface Running {
  readonly ports: Readonly<Record<RulesName, number>>
  readonly accessLog: readonly string[]
}

async function freePorts(): Promise<Record<RulesName, number>> {
  const ports: Record<string, number> = {}
  for (const name of Object.keys(RULES)) ports[name] = await freePort()
  return ports as Record<RulesName, number>
}

async function startSluice(farm: Readonly<Record<string, string>>): Promise<Running> {
  const ports = await freePorts()
  const frontends = Object.entries<Rules>(RULES).map(([name, rules]) => {
    const { acl = {}, content, routes } = rules
    const frontend = {
      bind: `127.0.0.1:${ports[name as RulesName]}`,
      acl,
      'tcp-request': content,
      'use_backend': routes,
      ...(rules.default !== undefined && { default_backend: rules.default }),
    }
    return [name, frontend]
  })
  const backends = Object.entries(farm).map(([name, s1]) => [name, { servers: { s1 } }])
  const { accessLog } = await startDaemon({
    config: {
      global: { nbthread: 1 },
      defaults: { mode: 'tcp', timeout: TIMEOUTS },
      frontends: Object.fromEntries(frontends),
      backends: Object.fromEntries(backends),
    },
  })
  return { ports, accessLog }
}

async function startOther(farm: Readonly<Record<string, string>>): Promise<Running> {
  const ports = await freePorts()
  const frontends = Object.entries<Rules>(RULES).flatMap(([name, rules]) => [
    `frontend ${name}`,
    `  bind 127.0.0.1:${ports[name as RulesName]}`,
    ...Object.entries(rules.acl ?? {}).map(([acl, text]) => `  acl ${acl} ${text}`),
    ...rules.content.map((line) => `  tcp-request ${line}`),
    ...rules.routes.map((route) => `  use_backend ${route}`),
    ...(rules.default === undefined ? [] : [`  default_backend ${rules.default}`]),
  ])
  const backends = Object.entries(farm).flatMap(([name, address]) => [
    `backend ${name}`,
    `  server s1 ${address}`,
  ])
  const timeouts = Object.entries(TIMEOUTS).map(([name, time]) => `  timeout ${name} ${time}`)
  const defaults = ['defaults', '  mode tcp', '  log global', '  option tcplog', ...timeouts]
  const lines = [...defaults, ...frontends, ...backends]
  const { accessLog } = await startHaproxy(lines.join('\n'), ports.byName)
  return { ports, accessLog }
}

/** How a client fares: what it is sent, how that ends, whether it had to wait, what the log says. */
async function fare({ ports, accessLog }: Running, rules: RulesName, client: Client) {
  const { pieces, pauseMs = 0, ends = false } = client
  const socket = await openSocket(ports[rules], true)
  const { localPort } = socket.setNoDelay(true)
  const startMs = performance.now()
  let waitedMs = 0
  const sent = pieces.join('').length
  const heard = readUntil(socket, (text) => {
    if (text !== '') waitedMs ||= performance.now() - startMs
    return text.length > sent
  })
  for (const [n, piece] of pieces.entries()) {
    if (n > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
    socket.write(Buffer.from(piece, 'latin1'))
  }
  if (ends) socket.end()
  const { text } = await heard
  if (text === '') waitedMs = performance.now() - startMs
  socket.destroy()
  const line = await until(`the log of ${rules}`, () =>
    accessLog.find((one) => one.includes(`127.0.0.1:${localPort} [`)),
  )
  const [, reached, termination] = / (\S+\/\S+) \S+ \d+ (\S\S) \d+\//.exec(line) ?? []
  // Who ends what is relayed is left to the client. What is refused HAProxy closes or resets.
  const fate = text === '' ? { reached, termination } : { reached }
  const isWhole = text === '' || text.slice(1) === pieces.join('')
  const answer = isWhole ? text.slice(0, 1) : text
  return { answer, hasWaited: waitedMs >= INSPECT_DELAY_MS - 100, ...fate }
}

describe('routing by what a client sends first', () => {
  beforeEach(requires('haproxy'))

  it('is that of HAProxy', async () => {
    const farm = await startFarm()
    const own = await startSluice(farm)
    const other = await startOther(farm)
    const fares = await Promise.all(
      CASES.map(async ([what, rules, makeClient]) => {
        const client = await makeClient()
        return [what, await fare(own, rules, client), await fare(other, rules, client)] as const
      }),
    )
    const ours = Object.fromEntries(fares.map(([what, fate]) => [what, fate]))
    expect(ours).toEqual(Object.fromEntries(fares.map(([what, , fate]) => [what, fate])))
    expect(ours['a name']).toEqual({ answer: 'a', hasWaited: false, reached: 'a/s1' })
  })
})

describe('the example configs/tls-passthrough.yaml', () => {
  beforeEach(requires('nginx', 'openssl'))

  it('leads each client to the server that has its certificate', async () => {
    const example = new URL('../../configs/tls-passthrough.yaml', import.meta.url)
    const config = parse(readFileSync(example, 'utf8')) as {
      frontends: { tls: { bind: string } }
      backends: Record<string, { servers: Record<string, string> }>
    }
    const authority = createAuthority()
    const ca = writePem(authority.cert)
    const names = { shop: 'shop.example.com', mail: 'in.mail.example.com', site: 'www.example.com' }
    for (const [backend, name] of Object.entries(names)) {
      const { cert, key } = authority.issue({ names: [name] })
      const nginx = await startNginx(
        `ssl_certificate ${writePem(cert)};
         ssl_certificate_key ${writePem(key)};
         location / { return 200 "${backend}"; }`,
        {},
        undefined,
        'ssl',
      )
      for (const server of Object.keys(config.backends[backend]?.servers ?? {})) {
        ;(config.backends[backend] as { servers: Record<string, string> }).servers[server] =
          nginx.address
      }
    }
    const port = await freePort()
    config.frontends.tls.bind = `127.0.0.1:${port}`
    const daemon = await startDaemon({ config: config as never })
    for (const [backend, name] of Object.entries(names)) {
      const to = ['--resolve', `${name}:${port}:127.0.0.1`, '--cacert', ca]
      const { code, stdout } = await runProgram('curl', ['-sS', ...to, `https://${name}:${port}/`])
      expect([code, stdout]).toEqual([0, backend])
    }
    const client = ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', names.shop]
    const { code, stdout } = await runProgram('openssl', [
      ...client,
      '-CAfile',
      ca,
      '-verify_return_error',
    ])
    expect([code, stdout]).toEqual([0, expect.stringContaining('CN = shop.example.com')])
    const plain = await runProgram('curl', ['-sS', `http://127.0.0.1:${port}/`])
    expect(plain.code).not.toBe(0)
    await until('a line in the log', () => daemon.accessLog.find((line) => / PR /.test(line)))
  })
})
