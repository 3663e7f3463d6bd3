import type { AdminConfig } from '../../model/config.ts'
import { ROWS_MAX } from '../../model/server-table.ts'
import { nearestName } from '../../model/spelling.ts'
import { DIAGNOSTICS_MAX, type Report } from '../diagnostics/diagnostics.ts'
import type { SourceText } from '../diagnostics/source-text.ts'
import type { Cursor } from '../text/tree.ts'
import { checkBinds } from './bind-checks.ts'
import { checkHealthChecks } from './check-references.ts'
import { checkCluster } from './cluster-checks.ts'
import { checkErrorAnswers } from './error-answer-checks.ts'
import { checkLanguage, type LanguageChecks } from './language-checks.ts'
import { checkObservation } from './observation-checks.ts'
import { checkPersistence } from './persistence-checks.ts'
import { checkProxies } from './proxy-checks.ts'
import { effectiveMode, type Route, routesOf } from './proxy-views.ts'
import { checkServers } from './server-checks.ts'
import { checkTune } from './tune-checks.ts'

/**
 * Reports what no single value shows: names that lead nowhere, modes that do not fit, addresses
 * bound twice, settings that exclude each other, rules that cannot be read. It reads the tree and
 * not what the schema gives, so that one mistake does not hide another; what the schema has refused
 * is passed over.
 */
export function checkReferences(
  tree: Cursor,
  source: SourceText,
  language: LanguageChecks & { readonly ownAdmin: AdminConfig | null },
  report: Report,
): void {
  checkRoutes(tree, report)
  checkModes(tree, report)
  checkBinds(tree, language.ownAdmin, report)
  checkProxies(tree, report)
  checkServers(tree, report)
  checkHealthChecks(tree, report)
  checkObservation(tree, report)
  checkPersistence(tree, report)
  checkTune(tree, report)
  checkCluster(tree, report)
  checkLanguage(tree, source, language, report)
  checkErrorAnswers(tree, language, report)
  checkNameCount(tree, report)
}

/** Every backend that a frontend names must exist and be in the frontend's mode. */
function checkRoutes(tree: Cursor, report: Report): void {
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
        checkRouteMode(route, frontend, backend, report, tree.at('defaults'))
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

function checkRouteMode(
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

/** In mode tcp nothing is known of what goes by, so that rules have nothing to look at. */
function checkModes(tree: Cursor, report: Report): void {
  for (const proxy of [...tree.at('frontends').values(), ...tree.at('backends').values()]) {
    if (effectiveMode(proxy, tree.at('defaults')) !== 'tcp') continue
    for (const rules of [proxy.at('http-request'), proxy.at('http-response')]) {
      if (rules.node === null) continue
      report.error(rules.keySpan, rules.path, {
        code: 'mode-mismatch',
        message: `${rules.name} rules do not work in mode tcp`,
        hint: 'Write mode: http.',
      })
    }
    const routes = proxy.at('use_backend')
    if (routes.node === null) continue
    report.error(routes.keySpan, routes.path, {
      code: 'unsupported',
      message: 'use_backend rules are not available in mode tcp in this version',
      hint: 'Give the frontend a default_backend.',
    })
  }
}

/** Every name has a row in the server table. */
function checkNameCount(tree: Cursor, report: Report): void {
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
