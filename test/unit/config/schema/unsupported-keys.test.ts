import { describe, expect, it } from 'vitest'
import { renderDiagnostics } from '../../../../src/config/diagnostics/rendering.ts'
import * as unsupported from '../../../../src/config/schema/unsupported-keys.ts'
import { validateHttpError } from '../../../../src/rules/actions/http-error.ts'
import { validateBalance } from '../../../../src/rules/balance-key.ts'
import { validateRule } from '../../../../src/rules/language/rule-validation.ts'
import { linearPatterns } from '../../../../src/rules-host/linear-patterns.ts'
import { load } from '../loading.ts'

/** Every alternative that is told, once. */
const told = new Set(Object.values(unsupported).flatMap((words) => Object.values(words)))

/** What is done by other means than the config: at a shell, in another program, not at all. */
const OUTSIDE =
  /^(Delete|Put a cache|Alert on|Set the cores|Leave it to|Have clients verified|Let (the servers|a sidecar)|Have the servers|Route by the system|Set the state at run time|Start the daemon|Make the folder|Set net\.|Mend the client|Give the address of a relay|Set nbthread here, and the cores)/

/** A place of a config, and what is suggested there. */
interface Form {
  readonly place: 'root' | 'global' | 'admin' | 'frontend' | 'backend' | 'server'
  /** A line of YAML. */
  readonly line: string
}

const CLUSTER = 'cluster: {node: a, data-dir: /var/lib/sluice, peers: {a: "127.0.0.1:7400"}}'
const TLS_BIND = 'bind: {address: ":1", ssl: {crt: /c/}}'
const form = (place: Form['place'], line: string): Form => ({ place, line })

/** What a config looks like that follows an alternative, by a part of its words. */
const FORMS: readonly (readonly [words: string, form: Form])[] = [
  ['section cluster: nodes agree', form('root', CLUSTER)],
  ['Use cluster.node.', form('root', CLUSTER)],
  ['keeps it in cluster.data-dir', form('root', CLUSTER)],
  ['Use raft.', form('root', CLUSTER.replace('{node', '{engine: raft, node'))],
  ['Write a frontend and a backend.', form('frontend', 'mode: http')],
  ['global.log.access: stdout', form('global', 'log: {access: stdout}')],
  ['Write access: stdout', form('global', 'log: {access: /var/log/sluice.log}')],
  ['Use global.grace.', form('global', 'grace: 5s')],
  ['Use global.nbthread', form('global', 'nbthread: 2')],
  ['Use maxconn.', form('global', 'maxconn: 100')],
  ['Use bufsize', form('global', 'tune: {bufsize: 16k}')],
  ['Use http.max-request-line.', form('global', 'tune: {http.max-request-line: 4k}')],
  ['Bound connections by maxconn', form('frontend', 'maxconn: 100')],
  ['Use maxconn of the frontend.', form('frontend', 'maxconn: 100')],
  ['Use the section admin', form('admin', 'socket: /run/sluice/admin.sock')],
  ['Use ssl.', form('admin', 'ssl: {crt: /etc/sluice/admin.pem}')],
  ['Use crt, with several files', form('admin', 'ssl: {crt: [/etc/a.pem, /etc/b/]}')],
  [
    'Compare the header',
    form('frontend', `http-request: ['deny if !{ hdr(authorization) "Basic x" }']`),
  ],
  ['Write rules;', form('frontend', `http-request: ['deny if { path /x }']`)],
  ['Write tcp-request in the frontend.', form('frontend', 'tcp-request: [content accept]')],
  ['Write http-error lines', form('frontend', `http-request: ['redirect location http://a/']`)],
  [
    'Write http-error lines',
    form('frontend', `http-error: ['status 503 content-type text/plain string x']`),
  ],
  ['Use errorfile', form('frontend', 'errorfile: {503: /etc/sluice/503.http}')],
  ['Write http-response rules', form('backend', `http-response: ['set-header X-A b']`)],
  [
    'Write the rule http-request: redirect ...',
    form('frontend', `http-request: ['redirect prefix http://a']`),
  ],
  [
    'Write the rule http-request: redirect prefix',
    form('frontend', `http-request: ['redirect prefix http://a']`),
  ],
  [
    'set-header X-Request-ID',
    form('frontend', `http-request: ['set-header X-Request-ID %[req.hdr(x-id)]']`),
  ],
  [
    'return status 200 if { path /health }',
    form('frontend', `http-request: ['return status 200 if { path /health }']`),
  ],
  ['A stick-table belongs to a backend', form('backend', 'stick-table: type ip size 1k')],
  ['Use option tcp-check, or agent-check', form('backend', 'option: {tcp-check: true}')],
  ['Use option tcp-check, or agent-check', form('server', 'agent-check: true, agent-port: 9')],
  [
    'Use option tcp-check with the bytes',
    form(
      'backend',
      'tcp-check: [connect, send-binary 300c0201016007020103040080, expect binary 0a01]',
    ),
  ],
  [
    'Write option: {httpchk:',
    form('backend', 'option: {httpchk: {method: GET, uri: /health, expect: "status 200"}}'),
  ],
  [
    'set-header with a name of its own',
    form('backend', `http-request: ['set-header X-Backend app']`),
  ],
  ['Use maxqueue of a server.', form('server', 'maxqueue: 5, maxconn: 1')],
  ['Use balance rdp-cookie', form('backend', 'balance: rdp-cookie')],
  ['List the servers', form('backend', 'servers: {b: "127.0.0.1:1"}')],
  ['Write use_backend to a backend', form('frontend', `use_backend: ['app if { path /x }']`)],
  ['Use accept-proxy.', form('frontend', 'bind: {address: ":1", accept-proxy: true}')],
  ['Use accept-proxy to learn', form('frontend', 'bind: {address: ":1", accept-proxy: true}')],
  ['Write it below ssl: {...}.', form('frontend', 'bind: {address: ":1", ssl: {crt: /c/}}')],
  ['List the files in crt', form('frontend', 'bind: {address: ":1", ssl: {crt: [/a.pem]}}')],
  ['Use alpn.', form('frontend', TLS_BIND.replace('}}', '}, alpn: http/1.1}'))],
  ['Write it beside ssl.', form('frontend', TLS_BIND.replace('}}', '}, alpn: http/1.1}'))],
  [
    'Use ca-file; clients',
    form('frontend', TLS_BIND.replace('}}', ', ca-file: /ca.pem, verify: optional}}')),
  ],
  ['Use curves.', form('frontend', TLS_BIND.replace('}}', ', curves: P-256}}'))],
  [
    'Use ssl-min-ver and ssl-max-ver.',
    form('frontend', TLS_BIND.replace('}}', ', ssl-min-ver: TLSv1.3, ssl-max-ver: TLSv1.3}}')),
  ],
  ['Use TLSv1.2;', form('frontend', TLS_BIND.replace('}}', ', ssl-min-ver: TLSv1.2}}'))],
  ['Write the address of the interface.', form('frontend', 'bind: "10.0.0.1:80"')],
  ['Write "[::]:PORT"', form('frontend', 'bind: ["[::]:80"]')],
  ['Write ssl: false.', form('server', 'ssl: false')],
  [
    'Use ssl-default-server-options: {verify: none}.',
    form('global', 'ssl-default-server-options: {verify: none}'),
  ],
  ['Use pool-max-conn', form('server', 'pool-max-conn: 5')],
  ['Use pool-purge-delay.', form('server', 'pool-purge-delay: 5s')],
  ['Use send-proxy-v2.', form('server', 'send-proxy-v2: true')],
  ['Bound the wait by timeout queue.', form('backend', 'timeout: {queue: 5s}')],
  [
    'set-header Cache-Control no-store',
    form('backend', `http-response: ['set-header Cache-Control no-store']`),
  ],
  ['Use check-ssl of a server.', form('server', 'check: true, check-ssl: true')],
  ['Write http-reuse: never', form('backend', 'http-reuse: never')],
  ['which makes its place itself', form('frontend', `http-request: ['capture path len 8']`)],
  ['del-header NAME', form('frontend', `http-request: ['del-header x_name']`)],
  ['Use option forwarded.', form('backend', 'option: {forwarded: true}')],
  ['Write headers: {NAME: VALUE}.', form('backend', 'option: {httpchk: {headers: {X-A: b}}}')],
  ['Write method: GET.', form('backend', 'option: {httpchk: {method: GET}}')],
  [
    'Write method, uri, headers and body',
    form('backend', 'option: {httpchk: {method: POST, uri: /, headers: {X-A: b}, body: x}}'),
  ],
  [
    'Write version: HTTP/1.1 and host',
    form('backend', 'option: {httpchk: {version: HTTP/1.1, host: a}}'),
  ],
  ['Ask /readyz of the admin address.', form('admin', 'bind: 127.0.0.1:8404')],
  ['Use http or tcp.', form('frontend', 'mode: http')],
]

/** Lines that are for `mode tcp`. */
function modeOf(line: string): string {
  return /rdp-cookie|tcp-request/.test(line) ? 'tcp' : 'http'
}

/** A config that has a line at a place, and else as little as can be. */
function configWith({ place, line }: Form): string {
  const at = (where: Form['place'], indent: string): string =>
    place === where ? `${indent}${line}\n` : ''
  const section = (name: Form['place']): string => (place === name ? `${name}:\n  ${line}\n` : '')
  const bind = place === 'frontend' && line.startsWith('bind') ? '' : '    bind: ":1"\n'
  const mode = line.startsWith('mode') ? '' : '    mode: http\n'
  const server = place === 'server' ? `{address: "127.0.0.1:1", ${line}}` : '127.0.0.1:1'
  const servers = line.startsWith('servers') ? '' : `    servers: {a: ${server}}\n`
  return `${at('root', '')}${section('global')}${section('admin')}frontends:
  web:
${mode}${bind}${at('frontend', '    ')}    default_backend: app
backends:
  app:
    mode: ${modeOf(line)}
${at('backend', '    ')}${servers}`
}

describe('alternatives to keywords that are not available', () => {
  it('are each done outside of the config, or tried here', () => {
    const untried = [...told]
      .filter((words) => !OUTSIDE.test(words))
      .filter((words) => !FORMS.some(([part]) => words.includes(part)))
    expect(untried).toEqual([])
    const untold = FORMS.map(([part]) => part).filter(
      (part) => ![...told].some((words) => words.includes(part)),
    )
    expect(untold).toEqual([])
  })

  it.each(FORMS)('may be followed: %s', (_, following) => {
    const mode = `    mode: ${modeOf(following.line)}\n`
    const text = configWith(following).replace('    mode: http\n', mode)
    const { diagnostics } = load(text, {
      validateBalance,
      validateRule: (kind, rule, acls) => validateRule(kind, rule, acls, linearPatterns),
      validateHttpError,
    })
    const errors = diagnostics.filter(({ severity }) => severity === 'error')
    expect(renderDiagnostics(text, 'followed', errors)).toBe('')
  })
})
