import { CHECK_OPTIONS } from './check-resolution.ts'
import type { Cursor } from './tree.ts'

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
  'observe',
  'error-limit',
  'on-error',
]

/** Keys of a server that mean nothing unless its agent is asked. */
const AGENT_KEYS = ['agent-addr', 'agent-port', 'agent-inter', 'agent-send']

/** Tells of a setting that does nothing: where it is, why, and what would help. */
type Warn = (at: Cursor, why: string, hint: string) => void

/** Warns of settings of health checks that do nothing in a backend that has servers. */
export function checkHealthCheckUse(backend: Cursor, defaults: Cursor, warn: Warn): void {
  const standard = [backend.at('default-server'), defaults.at('default-server')]
  const has = (server: Cursor, key: string): boolean =>
    [server, ...standard].map((place) => place.at(key)).find(({ node }) => node !== null)?.value ===
    true
  const isChecked = (server: Cursor): boolean =>
    server.at('track').node === null && has(server, 'check')
  const servers = backend.at('servers').values()
  for (const server of servers) {
    if (!isChecked(server)) {
      const idle = CHECK_KEYS.map((key) => server.at(key)).find(({ node }) => node !== null)
      if (idle !== undefined) {
        warn(idle, `server "${server.name}" is not checked`, 'Add check: true.')
      }
    }
    if (has(server, 'agent-check')) continue
    const idle = AGENT_KEYS.map((key) => server.at(key)).find(({ node }) => node !== null)
    if (idle !== undefined) {
      warn(idle, `no agent of server "${server.name}" is asked`, 'Add agent-check: true.')
    }
  }
  checkSteps(backend, defaults, warn)
  if (servers.some(isChecked)) return
  const why = `no server of backend "${backend.name}" is checked`
  for (const option of CHECK_OPTIONS.map((name) => backend.at('option').at(name))) {
    if (option.node === null || option.value === false) continue
    warn(option, why, 'Add check: true to default-server.')
  }
}

/** The steps of `tcp-check` are for its option. */
function checkSteps(backend: Cursor, defaults: Cursor, warn: Warn): void {
  const steps = backend.at('tcp-check')
  if (steps.node === null) return
  const option = [backend, defaults]
    .map((place) => place.at('option').at('tcp-check'))
    .find(({ node }) => node !== null)
  if (option?.value === true) return
  warn(steps, 'servers are not checked by it', 'Add option: {tcp-check: true}.')
}
