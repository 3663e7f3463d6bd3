import { PROBE_OPTIONS } from '../schema/probe-keys.ts'
import type { Cursor } from '../text/tree.ts'
import { trackOf } from './probe-validation.ts'

/** Keys of a server that mean nothing unless it is checked. */
const CHECK_KEYS = [
  'inter',
  'fastinter',
  'downinter',
  'rise',
  'fall',
  'addr',
  'port',
  'check-send-proxy',
  'check-ssl',
  'no-check-ssl',
  'check-sni',
  'check-alpn',
  'observe',
  'error-limit',
  'on-error',
]

/** Keys of a server that mean nothing unless its checks are made over TLS. */
const SECURE_CHECK_KEYS = ['check-sni', 'check-alpn']

/** Keys of a server that mean nothing unless its traffic or its checks are over TLS. */
const TLS_KEYS = ['verify', 'ca-file']

/** Keys of a server that mean nothing unless its agent is asked. */
const AGENT_KEYS = ['agent-addr', 'agent-port', 'agent-inter', 'agent-send']

/** Tells of a setting that does nothing: where it is, why, and what would help. */
type Warn = (at: Cursor, why: string, hint: string) => void

const isGiven = ({ node }: Cursor): boolean => node !== null

/** Warns of settings of health checks that do nothing in a backend that has servers. */
export function validateProbeUse(backend: Cursor, defaults: Cursor, warn: Warn): void {
  const standard = [backend.at('default-server'), defaults.at('default-server')]
  const has = (server: Cursor, key: string): boolean => {
    const given = server.at(key)
    const place = isGiven(given) ? given : standard.map((where) => where.at(key)).find(isGiven)
    return place?.value === true
  }
  const isChecked = (server: Cursor): boolean =>
    trackOf([server, ...standard]) === null && has(server, 'check')
  const servers = backend.at('servers').values()
  const checked = new Set(servers.filter(isChecked))
  const hasSecureStep = [backend, defaults].some((place) =>
    place
      .at('tcp-check')
      .items()
      .some(({ text }) => /^ *connect .*\bssl\b/.test(text ?? '')),
  )
  for (const server of servers) {
    const warnOf = (keys: readonly string[], why: string, hint: string): void => {
      const idle = keys.map((key) => server.at(key)).find(isGiven)
      if (idle !== undefined) warn(idle, why, hint)
    }
    const isSecure = hasSsl(server, standard)
    if (!checked.has(server)) {
      const why = `server "${server.name}" is not checked`
      warnOf(CHECK_KEYS, why, 'Add check: true.')
      if (!isSecure) warnOf(TLS_KEYS, `server "${server.name}" has no ssl`, 'Add ssl: true.')
    } else if (!has(server, 'check-ssl') && !hasSecureStep) {
      const why = `no check of server "${server.name}" is made over TLS`
      const hint = 'Add check-ssl: true.'
      if (!isSecure) warnOf([...SECURE_CHECK_KEYS, ...TLS_KEYS], why, hint)
      else if (has(server, 'no-check-ssl')) warnOf(SECURE_CHECK_KEYS, why, hint)
    }
    validateLine(server, standard, warn)
    if (has(server, 'agent-check')) continue
    warnOf(AGENT_KEYS, `no agent of server "${server.name}" is asked`, 'Add agent-check: true.')
  }
  validateSteps(backend, defaults, warn)
  if (checked.size > 0) return
  const why = `no server of backend "${backend.name}" is checked`
  for (const option of PROBE_OPTIONS.map((name) => backend.at('option').at(name))) {
    if (option.node === null || option.value === false) continue
    warn(option, why, 'Add check: true to default-server.')
  }
}

/** Whether its traffic is over TLS. */
function hasSsl(server: Cursor, standard: readonly Cursor[]): boolean {
  const ssl = [server, ...standard].map((place) => place.at('ssl')).find(isGiven)
  return ssl !== undefined && ssl.value !== false
}

/** Nobody waits for a server that takes all. */
function validateLine(server: Cursor, standard: readonly Cursor[], warn: Warn): void {
  const maxqueue = server.at('maxqueue')
  if (maxqueue.node === null || maxqueue.value === 0) return
  const maxconn = [server, ...standard].map((place) => place.at('maxconn')).find(isGiven)
  const agent = [server, ...standard].map((place) => place.at('agent-check')).find(isGiven)
  if ((maxconn?.value ?? 0) !== 0 || agent?.value === true) return
  warn(maxqueue, `server "${server.name}" has no maxconn`, 'Add maxconn: N.')
}

/** The steps of `tcp-check` are for its option. */
function validateSteps(backend: Cursor, defaults: Cursor, warn: Warn): void {
  const steps = backend.at('tcp-check')
  if (steps.node === null) return
  const option = [backend, defaults]
    .map((place) => place.at('option').at('tcp-check'))
    .find(({ node }) => node !== null)
  if (option?.value === true) return
  warn(steps, 'servers are not checked by it', 'Add option: {tcp-check: true}.')
}
