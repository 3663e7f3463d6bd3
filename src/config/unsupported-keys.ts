/**
 * Keywords of HAProxy, and planned ones, that this version does not have. A config that uses one
 * is refused in these words instead of being told that the key is unknown; none is ever ignored.
 * A keyword that is built moves from here into the schema.
 */

const words = (text: string): readonly string[] => text.trim().split(/\s+/)

/** Sections. */
export const UNSUPPORTED_SECTIONS: readonly string[] = words(`
  cache cluster listen mailers peers resolvers ring userlist`)

/** Keys of `global`. */
export const UNSUPPORTED_GLOBAL_KEYS: readonly string[] = words(`
  chroot cpu-map daemon group lua-load maxconnrate maxsessrate maxsslconn nbproc
  node pidfile server-state-file ssl-default-bind-ciphers ssl-default-bind-options stats
  ssl-default-server-ciphers ssl-default-server-options ulimit-n user`)

/** Keys of `global.log`. */
export const UNSUPPORTED_LOG_KEYS: readonly string[] = words('address facility format')

/** Keys of `global.tune`. */
export const UNSUPPORTED_TUNE_KEYS: readonly string[] = words(`
  http.cookielen http.logurilen http.maxuri idle-pool.shared maxaccept maxpollevents maxrewrite
  pipesize rcvbuf.client rcvbuf.server sndbuf.client sndbuf.server ssl.cachesize ssl.lifetime`)

/** Keys of `admin`. */
export const UNSUPPORTED_ADMIN_KEYS: readonly string[] = words('socket ssl tls')

const PROXY_KEYS = words(`
  compression cookie declare disabled email-alert enabled errorfile errorfiles filter grace
  http-after-response http-error id log-format log-format-sd log-tag rate-limit redirect stats
  stick stick-table tcp-request unique-id-format unique-id-header`)

/** Keys of a frontend. */
export const UNSUPPORTED_FRONTEND_KEYS: readonly string[] = [
  ...PROXY_KEYS,
  ...words('capture monitor monitor-uri'),
]

/** Keys of a backend. */
export const UNSUPPORTED_BACKEND_KEYS: readonly string[] = [
  ...PROXY_KEYS,
  ...words(`
    dynamic-cookie-key external-check force-persist fullconn hash-balance-factor hash-type
    health-agreement http-check http-reuse http-send-name-header ignore-persist
    load-server-state-from-file max-keep-alive-queue persist server-template source
    tcp-check tcp-response use-server`),
]

/** Keys of `defaults`. */
export const UNSUPPORTED_DEFAULTS_KEYS: readonly string[] = [
  ...new Set([...UNSUPPORTED_FRONTEND_KEYS, ...UNSUPPORTED_BACKEND_KEYS]),
]

/** Keys of an entry of `bind`. */
export const UNSUPPORTED_BIND_KEYS: readonly string[] = words(`
  accept-netscaler-cip accept-proxy alpn ca-file ciphers crl-file crt crt-list defer-accept
  expose-fd gid group id interface level maxconn mode mss name namespace nice npn proto ssl
  strict-sni tcp-ut tfo thread transparent uid user v4v6 v6only verify`)

/** Keys of a server, and of `default-server`. */
export const UNSUPPORTED_SERVER_KEYS: readonly string[] = words(`
  agent-addr agent-check agent-inter agent-port alpn backup ca-file check-alpn check-proto
  check-send-proxy check-sni check-ssl ciphers cookie crt downinter enabled error-limit fastinter
  id init-addr log-proto max-reuse maxconn maxqueue minconn namespace observe on-error
  on-marked-down on-marked-up pool-low-conn pool-max-conn pool-purge-delay proto redir resolve-net resolve-prefer
  resolvers send-proxy send-proxy-v2 slowstart sni socks4 source ssl tcp-ut tfo track verify ws`)

/** Names of `option`. */
export const UNSUPPORTED_OPTIONS: readonly string[] = words(`
  abortonclose accept-invalid-http-request accept-invalid-http-response allbackups checkcache
  clitcpka contstats dontlog-normal external-check forwarded h1-case-adjust-bogus-client
  h1-case-adjust-bogus-server http-buffer-request http-ignore-probes http-keep-alive
  http-no-delay http-pretend-keepalive http-restrict-req-hdr-names http-server-close
  http-use-proxy-header httpclose httplog independent-streams ldap-check log-health-checks
  log-separate-errors logasap mysql-check nolinger originalto persist pgsql-check
  prefer-last-server redis-check smtpchk socket-stats splice-auto splice-request splice-response
  srvtcpka ssl-hello-chk tcp-check tcp-smart-accept tcp-smart-connect tcpka tcplog transparent`)

/** Keys of `option httpchk`. */
export const UNSUPPORTED_HTTPCHK_KEYS: readonly string[] = words('body hdr headers send version')

/** Names of `timeout`. */
export const UNSUPPORTED_TIMEOUTS: readonly string[] = words('tarpit')

/** Values of `mode`. */
export const UNSUPPORTED_MODES: readonly string[] = words('health log udp')
