import type { Mode } from '../../model/config.ts'
import type { Path } from '../diagnostics/diagnostics.ts'
import type { Span } from '../diagnostics/source-text.ts'
import type { Cursor } from '../text/tree.ts'
import { DEFAULT_PROXY } from '../values/default-values.ts'

/** A place where a frontend names a backend. */
export interface Route {
  /** The backend's name. */
  readonly name: string
  readonly span: Span
  readonly path: Path
}

/** Where a frontend's requests may go, in the order written; without names made at run time. */
export function routesOf(frontend: Cursor): Route[] {
  const routes: Route[] = []
  for (const rule of frontend.at('use_backend').items()) {
    const [, blanks = '', name] = /^(\s*)(\S+)/.exec(rule.text ?? '') ?? []
    if (name === undefined) continue
    routes.push({ name, span: rule.textSpan(blanks.length), path: rule.path })
  }
  const last = frontend.at('default_backend')
  if (last.text !== null) routes.push({ name: last.text, span: last.span, path: last.path })
  return routes
}

/** The mode of a frontend or backend, its own or of `defaults`; null where it is not a mode. */
export function effectiveMode(proxy: Cursor, defaults: Cursor): Mode | null {
  const mode = [proxy.at('mode'), defaults.at('mode')].find(({ node }) => node !== null)
  if (mode === undefined) return DEFAULT_PROXY.mode
  return mode.text === 'tcp' || mode.text === 'http' ? mode.text : null
}
