import type { Report } from './diagnostics.ts'
import { effectiveMode, routesOf } from './proxy-views.ts'
import type { Cursor } from './tree.ts'

/** Keys of a server that mean nothing unless it is checked. */
const CHECK_KEYS = ['inter', 'rise', 'fall', 'addr', 'port']

/**
 * Warns of what is allowed but does nothing. For a config without errors: in any other, what a
 * mistake cuts off would be reported too.
 */
export function checkUsefulness(tree: Cursor, report: Report): void {
  const frontends = tree.at('frontends').values()
  const backends = tree.at('backends').values()
  for (const frontend of frontends) checkFrontend(frontend, report)
  const used = new Set(frontends.flatMap(routesOf).map(({ name }) => name))
  for (const backend of backends) {
    if (!used.has(backend.name)) {
      const message = `no frontend leads to backend "${backend.name}"`
      report.warn(backend.keySpan, backend.path, { code: 'unused-backend', message, hint: '' })
    }
    checkBackend(backend, tree.at('defaults'), report)
  }
  for (const proxy of [...frontends, ...backends]) {
    const forwardfor = proxy.at('option').at('forwardfor')
    const isOn = forwardfor.node !== null && forwardfor.value !== false
    if (isOn && effectiveMode(proxy, tree.at('defaults')) === 'tcp') {
      warnUnused(forwardfor, 'the mode is tcp', 'Write mode: http.', report)
    }
  }
}

function checkFrontend(frontend: Cursor, report: Report): void {
  if (routesOf(frontend).length > 0 || frontend.at('http-request').items().length > 0) return
  report.warn(frontend.keySpan, frontend.path, {
    code: 'no-route',
    message: `frontend "${frontend.name}" leads to no backend`,
    hint: 'Give it a default_backend.',
  })
}

function checkBackend(backend: Cursor, defaults: Cursor, report: Report): void {
  const servers = backend.at('servers').values()
  if (servers.length === 0) {
    const message = `backend "${backend.name}" has no server`
    report.warn(backend.keySpan, backend.path, { code: 'no-server', message, hint: '' })
    return
  }
  const standard = [backend.at('default-server'), defaults.at('default-server')]
  const isChecked = (server: Cursor): boolean =>
    [server, ...standard].map((place) => place.at('check')).find(({ node }) => node !== null)
      ?.value === true
  for (const server of servers.filter((one) => !isChecked(one))) {
    const idle = CHECK_KEYS.map((key) => server.at(key)).find(({ node }) => node !== null)
    if (idle === undefined) continue
    warnUnused(idle, `server "${server.name}" is not checked`, 'Add check: true.', report)
  }
  const httpchk = backend.at('option').at('httpchk')
  if (httpchk.node === null || httpchk.value === false || servers.some(isChecked)) return
  const why = `no server of backend "${backend.name}" is checked`
  warnUnused(httpchk, why, 'Add check: true to default-server.', report)
}

function warnUnused(at: Cursor, why: string, hint: string, report: Report): void {
  const message = `${at.name} does nothing: ${why}`
  report.warn(at.keySpan, at.path, { code: 'unused-setting', message, hint })
}
