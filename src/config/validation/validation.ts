import { nearestName } from '../../base/spelling.ts'
import { ROWS_MAX } from '../../memory/server-table.ts'
import type { AdminConfig, Mode } from '../../model/config.ts'
import { DIAGNOSTICS_MAX, type Report } from '../diagnostics/diagnostics.ts'
import type { SourceText } from '../diagnostics/source-text.ts'
import type { Cursor } from '../text/tree.ts'
import { validateBinds, validateBindTls } from './bind-validation.ts'
import { validateCluster } from './cluster-validation.ts'
import { validateErrorAnswers } from './error-answer-validation.ts'
import { type LanguageValidation, validateLanguage } from './language-validation.ts'
import { validateObservation } from './observation-validation.ts'
import { validatePersistence } from './persistence-validation.ts'
import { validateProbes } from './probe-validation.ts'
import { validateProxies } from './proxy-validation.ts'
import { effectiveMode, type Route, routesOf } from './proxy-views.ts'
import { validateServers, validateServerTls } from './server-validation.ts'
import { validateTune } from './tune-validation.ts'

/**
 * Reports what no single value shows: names that lead nowhere, modes that do not fit, addresses
 * bound twice, settings that exclude each other, rules that cannot be read. It reads the tree and
 * not what the schema gives, so that one mistake does not hide another; what the schema has refused
 * is passed over.
 */
export function validateReferences(
  tree: Cursor,
  source: SourceText,
  language: LanguageValidation & { readonly ownAdmin: AdminConfig | null },
  report: Report,
): void {
  validateRoutes(tree, report)
  validateModes(tree, report)
  validateBinds(tree, language.ownAdmin, report)
  validateBindTls(tree, report)
  validateServerTls(tree, report)
  validateProxies(tree, report)
  validateServers(tree, report)
  validateProbes(tree, report)
  validateObservation(tree, report)
  validatePersistence(tree, report)
  validateTune(tree, report)
  validateCluster(tree, report)
  validateLanguage(tree, source, language, report)
  validateErrorAnswers(tree, language, report)
  validateNameCount(tree, report)
}

/** Every backend that a frontend names must exist and be in the frontend's mode. */
function validateRoutes(tree: Cursor, report: Report): void {
  const backends = new Map(
    tree
      .at('backends')
      .values()
      .map((backend) => [backend.name, backend]),
  )
  let dangling = 0
  for (const frontend of tree.at('frontends').values()) {
    for (const route of routesOf(frontend)) {
      const backend = backends.get(route.name)
      if (backend !== undefined) {
        validateRouteMode(route, frontend, backend, report, tree.at('defaults'))
        continue
      }
      // Every name is compared with every other: more hints than are shown would cost too much.
      const known = ++dangling <= DIAGNOSTICS_MAX ? [...backends.keys()] : []
      report.error(route.span, route.path, {
        code: 'unknown-backend',
        message: `there is no backend "${route.name}"`,
        hint: hintAtBackends(route.name, known),
      })
    }
  }
}

/** Names of backends that a hint counts up. */
const HINTED_NAMES_MAX = 10

function hintAtBackends(name: string, known: readonly string[]): string {
  const near = nearestName(name, known)
  if (near !== null) return `Did you mean "${near}"?`
  if (known.length === 0) return 'Describe it under "backends".'
  const rest = known.length > HINTED_NAMES_MAX ? ', ...' : ''
  return `There are: ${known.slice(0, HINTED_NAMES_MAX).join(', ')}${rest}.`
}

function validateRouteMode(
  route: Route,
  frontend: Cursor,
  backend: Cursor,
  report: Report,
  defaults: Cursor,
): void {
  const mode = effectiveMode(frontend, defaults)
  const backendMode = effectiveMode(backend, defaults)
  if (mode === null || backendMode === null || mode === backendMode) return
  report.error(route.span, route.path, {
    code: 'mode-mismatch',
    message: `frontend "${frontend.name}" is in mode ${mode}, backend "${route.name}" in mode ${backendMode}`,
    hint: 'Give both the same mode.',
  })
}

/** Rules of one mode have nothing to look at in the other. */
function validateModes(tree: Cursor, report: Report): void {
  for (const proxy of [...tree.at('frontends').values(), ...tree.at('backends').values()]) {
    const mode = effectiveMode(proxy, tree.at('defaults'))
    if (mode === 'http') {
      reportRules(proxy.at('tcp-request'), mode, 'Write http-request rules, or mode: tcp.', report)
    }
    if (mode !== 'tcp') continue
    for (const key of ['capture', 'http-request', 'http-response']) {
      reportRules(proxy.at(key), mode, 'Write mode: http.', report)
    }
  }
}

function reportRules(rules: Cursor, mode: Mode, hint: string, report: Report): void {
  if (rules.node === null) return
  report.error(rules.keySpan, rules.path, {
    code: 'mode-mismatch',
    message: `${rules.name} rules do not work in mode ${mode}`,
    hint,
  })
}

/** Every name has a row in the server table. */
function validateNameCount(tree: Cursor, report: Report): void {
  const frontends = tree.at('frontends')
  const backends = tree.at('backends').values()
  const servers = backends.flatMap((backend) => backend.at('servers').values())
  const count = frontends.values().length + backends.length + servers.length
  if (count <= ROWS_MAX) return
  report.error(frontends.keySpan, frontends.path, {
    code: 'too-many-names',
    message: `${count} frontends, backends and servers are too many`,
    hint: `At most ${ROWS_MAX} in all.`,
  })
}
