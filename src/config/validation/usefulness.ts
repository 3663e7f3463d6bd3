import type { Report } from '../diagnostics/diagnostics.ts'
import type { Cursor } from '../text/tree.ts'
import { DEFAULT_PROXY } from '../values/default-values.ts'
import type { LanguageValidation } from './language-validation.ts'
import { validatePersistenceUse } from './persistence-validation.ts'
import { validateProbeUse } from './probe-usefulness.ts'
import { effectiveMode, routesOf } from './proxy-views.ts'

/** Keys that mean nothing where the bytes of a connection are not looked at. */
const HTTP_KEYS = [
  'errorfile',
  'http-error',
  'http-reuse',
  'retry-budget',
  'cookie',
  'dynamic-cookie-key',
  'force-persist',
  'ignore-persist',
]
const HTTP_OPTIONS = ['forwardfor', 'forwarded', 'accept-connect']
const HTTP_SERVER_KEYS = ['proto', 'pool-max-conn', 'pool-purge-delay', 'cookie']

/** Milliseconds below which a timeout without a unit was hardly meant to be in milliseconds. */
const BARE_TIMEOUT_MS_MIN = 100

/**
 * Warns of what is allowed but does nothing, or hardly what was meant. For a config without errors: in any other, what a
 * mistake cuts off would be reported too.
 */
export function validateUsefulness(
  tree: Cursor,
  language: LanguageValidation,
  report: Report,
): void {
  const frontends = tree.at('frontends').values()
  const backends = tree.at('backends').values()
  for (const frontend of frontends) validateFrontend(frontend, report)
  const used = new Set(frontends.flatMap(routesOf).map(({ name }) => name))
  for (const backend of backends) {
    if (!used.has(backend.name)) {
      const message = `no frontend leads to backend "${backend.name}"`
      report.warn(backend.keySpan, backend.path, { code: 'unused-backend', message, hint: '' })
    }
    validateBackend(backend, tree.at('defaults'), language, report)
  }
  for (const proxy of [tree.at('defaults'), ...frontends, ...backends]) {
    for (const timeout of proxy.at('timeout').values()) validateUnit(timeout, report)
  }
  for (const proxy of [...frontends, ...backends]) {
    if (effectiveMode(proxy, tree.at('defaults')) === 'tcp') validateModeTcp(proxy, report)
  }
  for (const frontend of frontends) validateInspection(frontend, report)
}

/** HAProxy counts milliseconds where no unit is given, most other programs seconds. */
function validateUnit(timeout: Cursor, report: Report): void {
  const { value } = timeout
  if (typeof value !== 'number' || value >= BARE_TIMEOUT_MS_MIN) return
  report.warn(timeout.span, timeout.path, {
    code: 'short-timeout',
    message: `timeout ${timeout.name} is ${value} ms: no unit is given`,
    hint: `Write ${value}s for seconds, ${value}ms where that is meant.`,
  })
}

function validateFrontend(frontend: Cursor, report: Report): void {
  if (routesOf(frontend).length > 0 || frontend.at('http-request').items().length > 0) return
  report.warn(frontend.keySpan, frontend.path, {
    code: 'no-route',
    message: `frontend "${frontend.name}" leads to no backend`,
    hint: 'Give it a default_backend.',
  })
}

function validateBackend(
  backend: Cursor,
  defaults: Cursor,
  language: LanguageValidation,
  report: Report,
): void {
  validateBudget(backend, defaults, report)
  validateHashing(backend, defaults, language, report)
  validatePersistenceUse(backend, defaults, (at, why, hint) => warnUnused(at, why, hint, report))
  const servers = backend.at('servers').values()
  if (servers.length === 0) {
    const message = `backend "${backend.name}" has no server`
    report.warn(backend.keySpan, backend.path, { code: 'no-server', message, hint: '' })
    return
  }
  validateProbeUse(backend, defaults, (at, why, hint) => warnUnused(at, why, hint, report))
}

/** What a client sends first, as rules name it. */
const OPENING = /\breq[._]ssl_/

/** As in HAProxy, nobody waits for what a client sends first unless a rule says how long. */
function validateInspection(frontend: Cursor, report: Report): void {
  const lines = frontend.at('tcp-request').items()
  const waits = ['inspect-delay', 'content'].every((kind) =>
    lines.some(({ text }) => text?.trimStart().startsWith(kind)),
  )
  const conditions = frontend.at('acl').values()
  const rules = [...lines, ...frontend.at('use_backend').items()]
  const asks = [...rules, ...conditions.flatMap((acl) => acl.items())]
  if (waits || !asks.some(({ text }) => OPENING.test(text ?? ''))) return
  report.warn(frontend.keySpan, frontend.path, {
    code: 'unused-setting',
    message: `frontend "${frontend.name}" asks for what clients send first, and does not wait for it`,
    hint: 'Write tcp-request: [inspect-delay 5s, "content accept if { req.ssl_hello_type 1 }"].',
  })
}

function validateModeTcp(proxy: Cursor, report: Report): void {
  const servers = [proxy.at('default-server'), ...proxy.at('servers').values()]
  const settings = [
    ...HTTP_KEYS.map((key) => proxy.at(key)),
    ...HTTP_OPTIONS.map((key) => proxy.at('option').at(key)),
    proxy.at('outlier-detection').at('latency'),
    ...servers.flatMap((server) => HTTP_SERVER_KEYS.map((key) => server.at(key))),
  ]
  for (const at of settings.filter(({ node, value }) => node !== null && value !== false)) {
    warnUnused(at, 'the mode is tcp', 'Write mode: http.', report)
  }
  for (const cause of proxy.at('retry-on').items().filter(isBeyondConnecting)) {
    const message = `${cause.value} is never tried again: the mode is tcp`
    const hint = 'Write mode: http, or retry-on: conn-failure.'
    report.warn(cause.span, cause.path, { code: 'unused-setting', message, hint })
  }
}

/** Only what a server may have had work with is counted by a budget. */
function validateBudget(backend: Cursor, defaults: Cursor, report: Report): void {
  const budget = backend.at('retry-budget')
  if (budget.node === null || effectiveMode(backend, defaults) === 'tcp') return
  const causes = [backend.at('retry-on'), defaults.at('retry-on')].find(({ node }) => node !== null)
  if (causes?.items().some(isBeyondConnecting)) return
  const why = 'nothing but failed connections is tried again'
  warnUnused(budget, why, 'Add another cause to retry-on.', report)
}

/** What is said of hashing is for algorithms that give a key its server. */
function validateHashing(
  backend: Cursor,
  defaults: Cursor,
  { usesHashType }: LanguageValidation,
  report: Report,
): void {
  const [own, standard] = [backend.at('balance'), defaults.at('balance')]
  const balance = own.text ?? standard.text ?? DEFAULT_PROXY.balance
  if (usesHashType(balance)) {
    validateBalanceFactor(backend, defaults, report)
    return
  }
  const [name = balance] = balance.trim().split(/[\s(]/)
  for (const at of [backend.at('hash-type'), backend.at('hash-balance-factor')]) {
    if (at.node === null || at.value === 0) continue
    warnUnused(at, `balance ${name} does not go by it`, 'Balance by source or by a hash.', report)
  }
}

/** Only a ring can say which server comes next. */
function validateBalanceFactor(backend: Cursor, defaults: Cursor, report: Report): void {
  const factor = backend.at('hash-balance-factor')
  if (factor.node === null || factor.value === 0) return
  const places = [backend.at('hash-type'), defaults.at('hash-type')]
  const type = places.find(({ node }) => node !== null)?.text ?? ''
  if (/^\s*consistent\b/.test(type)) return
  warnUnused(factor, 'the hash type is map-based', 'Write hash-type: consistent.', report)
}

/** True for an entry of `retry-on` that needs an answer to be waited for, or be there. */
function isBeyondConnecting({ value }: Cursor): boolean {
  return value !== 'none' && value !== 'conn-failure'
}

function warnUnused(at: Cursor, why: string, hint: string, report: Report): void {
  const message = `${at.name} does nothing: ${why}`
  report.warn(at.keySpan, at.path, { code: 'unused-setting', message, hint })
}
