import { describe, expect, it } from 'vitest'
import {
  agreedNamed,
  namedBinds,
  ownNamed,
} from '../../../../src/supervisor/preparation/named-things.ts'
import { configOf } from '../../config/loading.ts'

const WEB = 'frontends: {web: {mode: http, bind: ":1", default_backend: app}}'
const BARE = `${WEB}\nbackends: {app: {mode: http}}`

/** What a text names, as `kind key first-place: name`. */
function ownIn(text: string): string[] {
  return ownNamed(configOf(text)).map((named) => {
    const { kind, key } = named
    return `${kind} ${key}: ${named.kind === 'bind' ? JSON.stringify(named.address) : named.name}`
  })
}

function agreedIn(text: string): string[] {
  return [...agreedNamed(configOf(text))].map(({ kind, key, paths }) => {
    return `${kind} ${key} at ${paths[0]?.join('.')}`
  })
}

describe('the sections of the node name', () => {
  it('the address that the API has by default', () => {
    expect(ownIn(BARE)).toEqual([expect.stringMatching(/^bind admin\.bind: .*8404/)])
  })

  it.each([
    ['global: {log: {access: /l/a.log}}', 'log global.log.access: /l/a.log'],
    ['admin: {token-file: /t}', 'secret admin.token-file: /t'],
    ['admin: {tokens: {ops: {file: /o, level: read}}}', 'secret admin.tokens.ops.file: /o'],
    [
      'admin: {socket: {path: /r/a.sock, group: ops, mode: "0660"}}',
      'bind admin.socket.path: {"kind":"unix","path":"/r/a.sock"}',
    ],
    [
      'admin: {socket: {path: /r/a.sock, group: ops, mode: "0660"}}',
      'group admin.socket.group: ops',
    ],
  ])('%s', (section, named) => {
    expect(ownIn(`${section}\n${BARE}`)).toContain(named)
  })

  it('what a cluster takes', () => {
    const tls = '{ca: /c/ca.pem, crt: /c/n.pem, key: /c/n.key}'
    const peers = '{lb1: "10.0.0.1:7400"}'
    const cluster = `{node: lb1, data-dir: /d, bind: "10.0.0.1:7400", peers: ${peers}, tls: ${tls}}`
    expect(ownIn(`cluster: ${cluster}\n${BARE}`)).toEqual(
      expect.arrayContaining([
        'secret cluster.tls.ca: /c/ca.pem',
        'secret cluster.tls.crt: /c/n.pem',
        'secret cluster.tls.key: /c/n.key',
        'data cluster.data-dir: /d',
        'bind cluster.bind: {"kind":"inet","host":"10.0.0.1","port":7400}',
      ]),
    )
  })
})

describe('the other sections name', () => {
  it.each([
    [
      'errorfile: {503: /e/503.http}',
      'answer errorfile 503 of backend app at backends.app.errorfile.503',
    ],
    [
      'http-error: [status 404 content-type text/plain file /e/404.txt]',
      'answer http-error 404 of backend app at backends.app.http-error',
    ],
    [
      'servers: {a: "app.example:80"}',
      'server address of server app/a at backends.app.servers.a.address',
    ],
    [
      'servers: {a: {address: "10.0.0.1:80", check: true, addr: probe.example}}',
      'server addr of server app/a at backends.app.servers.a.addr',
    ],
    [
      'servers: {a: {address: "10.0.0.1:80", agent-check: true, agent-port: 9, agent-addr: agent.example}}',
      'server agent-addr of server app/a at backends.app.servers.a.agent-addr',
    ],
    [
      'servers: {a: {address: "10.0.0.1:80", check: true, check-ssl: true, ca-file: /c/ca.pem}}',
      'authorities ca-file of server app/a at backends.app.servers.a.ssl.ca-file',
    ],
    [
      'servers: {a: {address: "10.0.0.1:80", ssl: {crl-file: /c/crl.pem}}}',
      'revocations crl-file of server app/a at backends.app.servers.a.ssl.crl-file',
    ],
    [
      'servers: {a: {address: "10.0.0.1:80", ssl: {crt: /c/own.pem}}}',
      'certificates crt of server app/a at backends.app.servers.a.ssl.crt',
    ],
  ])('%s', (entry, named) => {
    expect(agreedIn(`${WEB}\nbackends: {app: {mode: http, ${entry}}}`)).toContain(named)
  })

  it('the files of a bind, at each way to write it', () => {
    const ssl = '{crt: /c/, verify: required, ca-file: /ca.pem, crl-file: /crl.pem}'
    const bind = `[":1", {address: ":2", ssl: ${ssl}}]`
    const named = [...agreedNamed(configOf(`frontends: {web: {mode: http, bind: ${bind}}}`))]
    const place = ['frontends', 'web', 'bind', 1, 'ssl']
    expect(named.slice(2).map(({ kind, key, paths }) => [kind, key, paths[0]])).toEqual([
      ['certificates', 'crt of frontend web', [...place, 'crt', 0]],
      ['authorities', 'ca-file of frontend web', [...place, 'ca-file']],
      ['revocations', 'crl-file of frontend web', [...place, 'crl-file']],
    ])
  })

  it('the address of a server once, where its checks go there too', () => {
    const server = '{address: "app.example:80", check: true, port: 81}'
    const found = agreedIn(`${WEB}\nbackends: {app: {mode: http, servers: {a: ${server}}}}`)
    expect(found.filter((one) => one.startsWith('server'))).toHaveLength(1)
  })

  it('every address of a frontend, at each way to write it', () => {
    const text = 'frontends: {web: {mode: http, bind: [":1", {address: ":2", backlog: 7}]}}'
    const binds = namedBinds(configOf(text))
    expect(binds.map(({ backlog }) => backlog)).toEqual([expect.any(Number), 7])
    expect(binds[1]?.named.paths).toContainEqual(['frontends', 'web', 'bind', 1, 'address'])
    expect(agreedIn(text)).toHaveLength(2)
  })
})
