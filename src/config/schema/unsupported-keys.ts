/**
 * Keywords of HAProxy, and planned ones, that this version does not have, each with what does the
 * same here. A config that uses one is refused in these words instead of being told that the key is
 * unknown; none is ever ignored. A keyword that is built moves from here into the schema.
 */

/** What to use instead of a keyword, by keyword; sentences. It has no prototype. */
export type Alternatives = Readonly<Record<string, string>>

/** @param groups an alternative, and the keywords that it stands for, separated by white space */
function instead(
  ...groups: readonly (readonly [alternative: string, words: string])[]
): Alternatives {
  const alternatives: Record<string, string> = Object.create(null)
  for (const [alternative, words] of groups) {
    for (const word of words.trim().split(/\s+/)) alternatives[word] = alternative
  }
  return alternatives
}

function joined(...parts: readonly Alternatives[]): Alternatives {
  return Object.assign(Object.create(null), ...parts)
}

const CERTIFICATES_BY_FOLDER = 'List the files in crt, or give their folder.'
const BY_SERVICE = 'Leave it to the service manager, as in deploy/systemd/sluice.service.'
const BY_KERNEL = 'Delete it; set the sysctl of the kernel where the default is not enough.'
const ALERTS = 'Alert on the metrics of /metrics: docs/operations.md lists them.'
const LOGS =
  'Delete it; access-log lines have the fields of httplog and tcplog, and a shipper can add more.'
const ANSWERS = 'Write http-error lines, or the rule "http-request redirect location URL".'
const BY_ADMIN = 'Use the section admin: /metrics and the API tell it.'
const KEPT_ALIVE = 'Delete it; connections of clients and servers are kept alive by themselves.'
const NAMES_BY_SYSTEM = 'Delete it; host names are looked up by the system.'
const BOUNDED_BY_MAXCONN = 'Bound connections by maxconn, of global or of the frontend.'
const DELETE_IT = 'Delete it; nothing takes its place.'
const NO_SOURCE = 'Route by the system: ip route ... src ADDRESS.'
const BY_PEER_RULE = 'Set the state at run time: sluice server set BACKEND/NAME --state maint.'

/** Sections. */
export const UNSUPPORTED_SECTIONS: Alternatives = instead(
  ['Put a cache such as Varnish or nginx behind or before it.', 'cache'],
  ['Write a frontend and a backend.', 'listen'],
  [ALERTS, 'mailers'],
  ['Use the section cluster: nodes agree on servers, health and config.', 'peers'],
  [NAMES_BY_SYSTEM, 'resolvers'],
  ['Use global.log.access: stdout or a file that a log shipper reads.', 'ring'],
  ['Compare the header: http-request deny if !{ hdr(authorization) "Basic ..." }.', 'userlist'],
)

/** Keys of `global`. */
export const UNSUPPORTED_GLOBAL_KEYS: Alternatives = instead(
  [BY_SERVICE, 'chroot daemon group pidfile ulimit-n user'],
  ['Set nbthread here, and the cores with taskset or CPUAffinity= of systemd.', 'cpu-map nbproc'],
  ['Write rules; docs/rules.md lists what they can do.', 'lua-load'],
  ['Use maxconn.', 'maxconnrate maxsessrate maxsslconn'],
  ['Use cluster.node.', 'node'],
  ['A node of a cluster keeps it in cluster.data-dir.', 'server-state-file'],
  ['Use ssl-default-server-options: {verify: none}.', 'ssl-server-verify'],
  [BY_ADMIN, 'stats'],
)

/** Keys of `global.log`. */
export const UNSUPPORTED_LOG_KEYS: Alternatives = instead([
  'Write access: stdout, or access: FILE, for a log shipper to send on.',
  'address facility format',
])

/** Keys of `global.tune`. */
export const UNSUPPORTED_TUNE_KEYS: Alternatives = instead(
  ['Use bufsize: heads are bounded by it as a whole.', 'http.cookielen http.logurilen'],
  ['Use http.max-request-line.', 'http.maxuri'],
  ['Use pool-max-conn of a server.', 'idle-pool.shared'],
  [DELETE_IT, 'maxaccept maxpollevents pipesize'],
  [BY_KERNEL, 'rcvbuf.client rcvbuf.server sndbuf.client sndbuf.server'],
  ['Delete it; sessions are resumed by tickets.', 'ssl.cachesize'],
)

/** Keys of `admin`. */
export const UNSUPPORTED_ADMIN_KEYS: Alternatives = instead(['Use ssl.', 'tls'])

const PROXY_KEYS = instead(
  ['Let the servers compress.', 'compression'],
  ['Delete it; samples of a rule are taken where the rule stands.', 'declare'],
  ['Delete the section, or its addresses.', 'disabled'],
  ['Delete it; what is written is enabled.', 'enabled'],
  [ALERTS, 'email-alert'],
  ['Use errorfile, one file a status.', 'errorfiles'],
  [ANSWERS, 'errorloc errorloc302 errorloc303'],
  [DELETE_IT, 'filter id'],
  ['Use global.grace.', 'grace'],
  ['Write http-response rules.', 'http-after-response'],
  [LOGS, 'log-format log-format-sd log-tag'],
  [BOUNDED_BY_MAXCONN, 'rate-limit'],
  ['Write the rule http-request: redirect ...', 'redirect'],
  [BY_ADMIN, 'stats'],
  [
    'Write http-request: set-header X-Request-ID ... from a header of the client.',
    'unique-id-format',
  ],
  [
    'Write http-request: set-header X-Request-ID ... from a header of the client.',
    'unique-id-header',
  ],
)

/** Keys of a frontend. */
export const UNSUPPORTED_FRONTEND_KEYS: Alternatives = joined(
  PROXY_KEYS,
  instead(
    ['Write http-request: capture SAMPLE len N, which makes its place itself.', 'declare'],
    ['Write http-request: return status 200 if { path /health }, or ask /readyz.', 'monitor'],
    ['Write http-request: return status 200 if { path /health }, or ask /readyz.', 'monitor-uri'],
    ['A stick-table belongs to a backend here.', 'stick-table'],
  ),
)

/** Keys of a backend. */
export const UNSUPPORTED_BACKEND_KEYS: Alternatives = joined(
  PROXY_KEYS,
  instead(
    ['Write tcp-request in the frontend.', 'tcp-request'],
    ['Use option tcp-check, or agent-check of a server.', 'external-check'],
    ['Write option: {httpchk: {method: GET, uri: /health, expect: "status 200"}}.', 'http-check'],
    [
      'Write http-request: set-header with a name of its own for each backend.',
      'http-send-name-header',
    ],
    ['A node of a cluster keeps it in cluster.data-dir.', 'load-server-state-from-file'],
    ['Use maxqueue of a server.', 'max-keep-alive-queue'],
    ['Use balance rdp-cookie, which does not persist.', 'persist'],
    ['List the servers, or add them at run time: sluice server add.', 'server-template'],
    [NO_SOURCE, 'source'],
    ['Write http-response rules in mode http.', 'tcp-response'],
    ['Write use_backend to a backend with that server.', 'use-server'],
  ),
)

/** Keys of `defaults`. */
export const UNSUPPORTED_DEFAULTS_KEYS: Alternatives = joined(
  UNSUPPORTED_FRONTEND_KEYS,
  UNSUPPORTED_BACKEND_KEYS,
)

/** Keys of an entry of `bind`. */
export const UNSUPPORTED_BIND_KEYS: Alternatives = instead(
  [
    'Write it below ssl: {...}.',
    'ciphers ciphersuites crt curves ssl-max-ver ssl-min-ver strict-sni',
  ],
  ['Write it below ssl: {...}.', 'no-tls-tickets prefer-client-ciphers'],
  ['Write it below ssl: {...}.', 'ca-file ca-ignore-err crl-file crt-ignore-err verify'],
  [CERTIFICATES_BY_FOLDER, 'crt-list'],
  ['Use alpn.', 'npn'],
  ['Use accept-proxy.', 'accept-netscaler-cip'],
  [BY_KERNEL, 'defer-accept mss tcp-ut tfo'],
  ['Delete it; descriptors are handed to no other process.', 'expose-fd'],
  ['Make the folder of the socket accessible to its clients alone.', 'gid group mode uid user'],
  ['Write the address of the interface.', 'interface'],
  ['Use the section admin.', 'level'],
  ['Use maxconn of the frontend.', 'maxconn nice'],
  [DELETE_IT, 'id name'],
  ['Start the daemon in that network namespace: ip netns exec NAME.', 'namespace'],
  ['Use global.nbthread: all threads accept on all addresses.', 'thread'],
  ['Use accept-proxy to learn the client of a proxy in front.', 'transparent'],
  ['Write "[::]:PORT" for IPv6 and IPv4, ":PORT" for IPv4 alone.', 'v4v6 v6only'],
)

/** Keys of `ssl` of a bind, and of `ssl-default-bind-options`. */
export const UNSUPPORTED_BIND_TLS_KEYS: Alternatives = instead(
  ['Use ca-file; clients are told of all authorities in it.', 'ca-verify-file'],
  [CERTIFICATES_BY_FOLDER, 'crt-list'],
  ['Write it beside ssl.', 'alpn'],
  ['Use curves.', 'ecdhe'],
  ['Use ssl-min-ver and ssl-max-ver.', 'force-tlsv12 force-tlsv13 no-tlsv12 no-tlsv13'],
  ['Delete it; only TLS 1.2 and 1.3 are spoken.', 'no-sslv3 no-tlsv10 no-tlsv11'],
  ['Delete it; no early data is taken.', 'allow-0rtt'],
  ['Delete it; a key is made at the start, and is in memory alone.', 'tls-ticket-keys'],
)

/** Keys of `ssl` of `admin`. */
export const UNSUPPORTED_ADMIN_TLS_KEYS: Alternatives = instead(
  ['Delete it; tokens say who a client is.', 'ca-file crl-file verify'],
  ['Delete it; HTTP/1.1 is spoken there.', 'alpn'],
  ['Use crt, with several files or a folder.', 'crt-list'],
  ['Delete it; who asks for another name sees the first certificate.', 'strict-sni'],
)

/** Keys of `ssl` of a server, and of `ssl-default-server-options`. */
export const UNSUPPORTED_SERVER_TLS_KEYS: Alternatives = instead(
  ['Write it beside ssl.', 'check-alpn check-sni check-ssl no-check-ssl'],
  ['Use ssl-min-ver and ssl-max-ver.', 'force-tlsv12 force-tlsv13 no-tlsv12 no-tlsv13'],
  ['Delete it; only TLS 1.2 and 1.3 are spoken.', 'no-sslv3 no-tlsv10 no-tlsv11'],
  ['Delete it; no early data is sent.', 'allow-0rtt'],
  ['Delete it; sessions are resumed by what the server gives.', 'no-tls-tickets'],
)

/** Keys of a server, and of `default-server`. */
export const UNSUPPORTED_SERVER_KEYS: Alternatives = instead(
  [
    'Write it below ssl: {...}.',
    'alpn ciphers ciphersuites crl-file crt no-ssl-reuse sni ssl-max-ver ssl-min-ver verifyhost',
  ],
  ['Write ssl: false.', 'no-ssl'],
  ['Delete it; checks with grpchk speak HTTP/2, others HTTP/1.1.', 'check-proto'],
  ['Delete it; WebSockets are opened over HTTP/1.1.', 'ws'],
  ['Delete it; what is written is enabled.', 'enabled'],
  [DELETE_IT, 'id'],
  [NAMES_BY_SYSTEM, 'resolve-net resolve-prefer resolvers'],
  [LOGS, 'log-proto'],
  ['Use pool-purge-delay.', 'max-reuse'],
  ['Start the daemon in that network namespace: ip netns exec NAME.', 'namespace'],
  [BY_PEER_RULE, 'on-marked-down on-marked-up'],
  ['Use pool-max-conn.', 'pool-low-conn'],
  ['Use send-proxy-v2.', 'proxy-v2-options set-proxy-v2-tlv-fmt'],
  ['Write the rule http-request: redirect prefix URL.', 'redir'],
  ['Give the address of a relay such as a SOCKS client of its own.', 'socks4'],
  [NO_SOURCE, 'source'],
  [BY_KERNEL, 'tcp-ut tfo'],
)

/** Names of `option`. */
export const UNSUPPORTED_OPTIONS: Alternatives = instead(
  ['Bound the wait by timeout queue.', 'abortonclose'],
  ['Mend the client: what is not HTTP is refused.', 'accept-invalid-http-request'],
  ['Write the rule http-response: set-header Cache-Control no-store.', 'checkcache'],
  [
    'Set net.ipv4.tcp_keepalive_time of the kernel; idle connections end by timeout client.',
    'clitcpka srvtcpka tcpka',
  ],
  [DELETE_IT, 'contstats http-no-delay independent-streams nolinger socket-stats'],
  [DELETE_IT, 'splice-auto splice-request splice-response tcp-smart-accept tcp-smart-connect'],
  [LOGS, 'dontlog-normal httplog log-separate-errors logasap tcplog'],
  ['Use option tcp-check, or agent-check of a server.', 'external-check'],
  ['Use option tcp-check with the bytes of a bind request.', 'ldap-check'],
  ['Use check-ssl of a server.', 'ssl-hello-chk'],
  [
    'Delete it; header names are passed on as they came.',
    'h1-case-adjust-bogus-client h1-case-adjust-bogus-server',
  ],
  ['Delete it; bodies are passed on as they come.', 'http-buffer-request'],
  [KEPT_ALIVE, 'http-keep-alive http-pretend-keepalive prefer-last-server'],
  ['Write http-reuse: never; servers that close are told so.', 'http-server-close httpclose'],
  ['Write http-request: del-header NAME.', 'http-restrict-req-hdr-names'],
  [DELETE_IT, 'http-use-proxy-header'],
  ['Delete it; changes of state are in the daemon log.', 'log-health-checks'],
  ['Use option forwarded.', 'originalto'],
  ['Use accept-proxy to learn the client of a proxy in front.', 'transparent'],
)

/** Keys of `option httpchk`. */
export const UNSUPPORTED_HTTPCHK_KEYS: Alternatives = instead(
  ['Write headers: {NAME: VALUE}.', 'hdr'],
  ['Write method: GET.', 'meth'],
  ['Write method, uri, headers and body as keys.', 'send'],
  ['Write version: HTTP/1.1 and host: NAME.', 'ver'],
)

/** Values of `engine` of `cluster`. */
export const UNSUPPORTED_ENGINES: Alternatives = instead(['Use raft.', 'paxos etcd'])

/** Values of `mode`. */
export const UNSUPPORTED_MODES: Alternatives = instead(
  ['Ask /readyz of the admin address.', 'health'],
  ['Use http or tcp.', 'log udp'],
)

/** Values of `ssl-min-ver` and `ssl-max-ver`. */
export const UNSUPPORTED_TLS_VERSIONS: Alternatives = instead([
  'Use TLSv1.2; older versions are broken (RFC 8996).',
  'SSLv3 TLSv1.0 TLSv1.1',
])

/** Values of `retry-on`. */
export const UNSUPPORTED_RETRY_CAUSES: Alternatives = instead([
  'Delete it; no early data is sent.',
  '0rtt-rejected',
])
