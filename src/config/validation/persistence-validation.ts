import type { Report } from '../diagnostics/diagnostics.ts'
import type { Cursor } from '../text/tree.ts'
import { effectiveMode } from './proxy-views.ts'

/** Reports settings of persistence that miss another one. */
export function validatePersistence(tree: Cursor, report: Report): void {
  const defaults = tree.at('defaults')
  for (const backend of tree.at('backends').values()) {
    validateDynamic(backend, defaults, report)
    const [stick, table] = [backend.at('stick'), backend.at('stick-table')]
    if (stick.items().length === 0 || table.node !== null) continue
    report.error(stick.keySpan, stick.path, {
      code: 'missing-key',
      message: 'stick rules need a table',
      hint: 'Add stick-table: "type ip size 100k expire 30m".',
    })
  }
}

function validateDynamic(backend: Cursor, defaults: Cursor, report: Report): void {
  if (effectiveMode(backend, defaults) === 'tcp') return
  const cookie = cookieOf(backend, defaults)
  if (cookie?.text == null || !isDynamic(cookie.text)) return
  const secrets = [backend, defaults].map((place) => place.at('dynamic-cookie-key'))
  if (secrets.some(({ node }) => node !== null)) return
  const at = backend.at('cookie').node === null ? backend : cookie
  report.error(at.keySpan, at.path, {
    code: 'missing-key',
    message: `the cookie of backend "${backend.name}" is dynamic, and there is no key to make it of`,
    hint: 'Add dynamic-cookie-key: a secret that all nodes share.',
  })
}

/** Warns of persistence that does nothing. */
export function validatePersistenceUse(
  backend: Cursor,
  defaults: Cursor,
  warnUnused: (at: Cursor, why: string, hint: string) => void,
): void {
  const table = backend.at('stick-table')
  const hasStick = backend.at('stick').items().length > 0
  if (table.node !== null && !hasStick) warnUnused(table, 'there is no stick rule', 'Add stick.')
  if (effectiveMode(backend, defaults) === 'tcp') return
  const cookie = cookieOf(backend, defaults)
  const own = backend.at('cookie')
  const places = [...backend.at('servers').values(), backend.at('default-server')]
  const cookies = places.map((place) => place.at('cookie')).filter(({ node }) => node !== null)
  if (cookie === undefined) {
    const hint = 'Give the backend a cookie: SRV insert indirect nocache.'
    for (const at of cookies) warnUnused(at, 'the backend has no cookie', hint)
  } else if (own.node !== null && cookies.length === 0 && !isDynamic(own.text ?? '')) {
    warnUnused(own, 'no server has a value for it', 'Give each server a cookie, or write dynamic.')
  }
  for (const name of ['force-persist', 'ignore-persist']) {
    const at = backend.at(name)
    const isUsed = cookie !== undefined || (hasStick && name === 'force-persist')
    if (at.node !== null && !isUsed) warnUnused(at, 'no client is bound to a server', '')
  }
}

function cookieOf(backend: Cursor, defaults: Cursor): Cursor | undefined {
  return [backend.at('cookie'), defaults.at('cookie')].find(({ node }) => node !== null)
}

function isDynamic(line: string): boolean {
  return /\sdynamic(\s|$)/.test(line)
}
