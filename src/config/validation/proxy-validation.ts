import type { Report } from '../diagnostics/diagnostics.ts'
import type { Cursor } from '../text/tree.ts'

/** Reports settings of `defaults`, frontends and backends that do not go together. */
export function validateProxies(tree: Cursor, report: Report): void {
  const proxies = [...tree.at('frontends').values(), ...tree.at('backends').values()]
  for (const proxy of [tree.at('defaults'), ...proxies]) {
    validateForwarded(proxy.at('option').at('forwarded'), report)
    validateRetryOn(proxy.at('retry-on').items(), report)
  }
}

/** Parameters of `option forwarded` that are a part of another (RFC 7239 section 6). */
const PORTS = [
  ['by-port', 'by'],
  ['for-port', 'for'],
] as const

function validateForwarded(forwarded: Cursor, report: Report): void {
  if (forwarded.node?.kind !== 'map') return
  for (const [port, address] of PORTS) {
    const at = forwarded.at(port)
    if (at.value !== true || forwarded.at(address).value === true) continue
    const message = `${port} is sent as a part of ${address}, which is off`
    report.error(at.keySpan, at.path, { message, hint: `Add ${address}: true.` })
  }
  if (forwarded.values().some(({ value }) => value !== false)) return
  report.error(forwarded.keySpan, forwarded.path, {
    message: 'forwarded has nothing to send',
    hint: 'Turn on proto, host, by or for; or write forwarded: false.',
  })
}

function validateRetryOn(entries: readonly Cursor[], report: Report): void {
  if (entries.every(({ value }) => value === 'none')) return
  for (const none of entries.filter(({ value }) => value === 'none')) {
    const message = '"none" cannot stand beside what is to be tried again'
    report.error(none.span, none.path, { message, hint: 'Delete it, or all the others.' })
  }
}
