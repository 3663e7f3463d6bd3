/**
 * Keywords of HAProxy, and planned ones, that this version does not have. A config that uses one
 * is refused in these words instead of being told that the key is unknown; none is ever ignored.
 * A keyword that is built moves from here into the schema.
 */

const words = (text: string): readonly string[] => text.trim().split(/\s+/)

/** Sections. */
export const UNSUPPORTED_SECTIONS: readonly string[] = words(`
  cache listen mailers peers resolvers ring userlist`)

/** Keys of `global`. */
export const UNSUPPORTED_GLOBAL_KEYS: readonly string[] = words(`
  chroot cpu-map daemon group lua-load maxconnrate maxsessrate maxsslconn nbproc
  node pidfile server-state-file ssl-default-bind-ciphers ssl-default-bind-options stats
  ssl-default-server-ciphers ssl-default-server-options ulimit-n user`)

/** Keys of `global.log`. */
export const UNSUPPORTED_LOG_KEYS: readonly string[] = words('address facility format')

/** Keys of `global.tune`. */
export const UNSUPPORTED_TUNE_KEYS: readonly string[] = words(`
  http.cookielen http.logurilen http.maxuri idle-pool.shared maxaccept maxpollevents pipesize
  rcvbuf.client rcvbuf.server sndbuf.client sndbuf.server ssl.cachesize ssl.lifetime`)

/** Keys of `admin`. */
export const UNSUPPORTED_ADMIN_KEYS: readonly string[] = words('ssl tls')

const PROXY_KEYS = words(`
  compression declare disabled email-alert enabled errorfiles errorloc errorloc302
  errorloc303 filter grace http-after-response id log-format log-format-sd log-tag rate-limit
  redirect stats tcp-request unique-id-format unique-id-header`)

/** Keys of a frontend. */
export const UNSUPPORTED_FRONTEND_KEYS: readonly string[] = [
  ...PROXY_KEYS,
  ...words('capture monitor monitor-uri stick-table'),
]

/** Keys of a backend. */
export const UNSUPPORTED_BACKEND_KEYS: readonly string[] = [
  ...PROXY_KEYS,
  ...words(`
    external-check
    http-check http-send-name-header
    load-server-state-from-file max-keep-alive-queue persist server-template source
    tcp-response use-server`),
]

/** Keys of `defaults`. */
export const UNSUPPORTED_DEFAULTS_KEYS: readonly string[] = [
  ...new Set([...UNSUPPORTED_FRONTEND_KEYS, ...UNSUPPORTED_BACKEND_KEYS]),
]

/** Keys of an entry of `bind`. */
export const UNSUPPORTED_BIND_KEYS: readonly string[] = words(`
  accept-netscaler-cip alpn ca-file ciphers crl-file crt crt-list defer-accept expose-fd gid
  group id interface level maxconn mode mss name namespace nice npn proto ssl strict-sni tcp-ut
  tfo thread transparent uid user v4v6 v6only verify`)

/** Keys of a server, and of `default-server`. */
export const UNSUPPORTED_SERVER_KEYS: readonly string[] = words(`
  alpn check-proto ciphers crl-file crt enabled id init-addr
  log-proto max-reuse namespace on-marked-down
  on-marked-up pool-low-conn proto proxy-v2-options redir resolve-net resolve-prefer resolvers
  send-proxy-v2-ssl send-proxy-v2-ssl-cn set-proxy-v2-tlv-fmt sni socks4 source ssl
  tcp-ut tfo verifyhost ws`)

/** Names of `option`. */
export const UNSUPPORTED_OPTIONS: readonly string[] = words(`
  abortonclose accept-invalid-http-request accept-invalid-http-response checkcache
  clitcpka contstats dontlog-normal external-check h1-case-adjust-bogus-client
  h1-case-adjust-bogus-server http-buffer-request http-keep-alive http-no-delay
  http-pretend-keepalive http-restrict-req-hdr-names http-server-close http-use-proxy-header
  httpclose httplog independent-streams ldap-check log-health-checks
  log-separate-errors logasap nolinger originalto
  prefer-last-server socket-stats splice-auto splice-request splice-response
  srvtcpka ssl-hello-chk tcp-smart-accept tcp-smart-connect tcpka tcplog transparent`)

/** Keys of `option httpchk`. */
export const UNSUPPORTED_HTTPCHK_KEYS: readonly string[] = words('hdr meth send ver')

/** Names of `timeout`. */
export const UNSUPPORTED_TIMEOUTS: readonly string[] = words('tarpit')

/** Values of `engine` of `cluster`. */
export const UNSUPPORTED_ENGINES: readonly string[] = words('paxos etcd')

/** Values of `mode`. */
export const UNSUPPORTED_MODES: readonly string[] = words('health log udp')

/** Values of `retry-on`. */
export const UNSUPPORTED_RETRY_CAUSES: readonly string[] = words('0rtt-rejected')
