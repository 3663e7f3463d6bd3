import type { RequestHead } from '../../../http/request-head.ts'
import type { ForwardedConfig } from '../../../model/config.ts'
import type { SessionFacts } from '../../../rules/facts.ts'

/** The `Forwarded` line, CRLF included, that tells a server of its client. */
export type ForwardedLine = (session: SessionFacts, head: RequestHead) => string

/** One parameter, `name=value`; '' where there is nothing to tell. */
type Parameter = ForwardedLine

/**
 * Compiles `option forwarded`, parameters in HAProxy's order. Lines that the client sent stay
 * before ours: the last element of the list is the one to trust (RFC 7239 sections 4 and 8.1).
 *
 * HAProxy configuration manual, option forwarded.
 */
export function compileForwarded(option: ForwardedConfig | null): ForwardedLine | null {
  if (option === null) return null
  const { byPort, forPort } = option
  const parameters: Parameter[] = []
  if (option.proto) parameters.push(({ tls }) => (tls === null ? 'proto=http' : 'proto=https'))
  if (option.host) parameters.push((_session, head) => hostParameter(head))
  if (option.by) parameters.push(({ dst, dstPort }) => `by=${node(dst, byPort ? dstPort : null)}`)
  if (option.for)
    parameters.push(({ src, srcPort }) => `for=${node(src, forPort ? srcPort : null)}`)
  return (session, head) => {
    let element = ''
    for (const parameter of parameters) {
      const pair = parameter(session, head)
      if (pair !== '') element += element === '' ? pair : `;${pair}`
    }
    return element === '' ? '' : `Forwarded: ${element}\r\n`
  }
}

/**
 * The host as it was received (RFC 7239 section 5.3), even where a rule has set another. It holds
 * nothing that would need an escape within quotes (http/authority.ts); HAProxy always puts it in
 * quotes, which a port or a bracket needs.
 */
function hostParameter({ headers, impliedHost }: RequestHead): string {
  let host = impliedHost
  for (let index = 0; index < headers.count; index++) {
    if (headers.isNamed(index, 'host')) host = headers.value(index)
  }
  return host === '' ? '' : `host="${host}"`
}

/**
 * A node: brackets around an IPv6 address, and quotes where there is a bracket or a colon. RFC 7239
 * section 6.
 *
 * @param address '' for one that is not known, a Unix socket's
 * @param port null where it is not to be told
 */
function node(address: string, port: number | null): string {
  if (address === '') return 'unknown'
  const isIpv6 = address.includes(':')
  const name = isIpv6 ? `[${withoutZone(address)}]` : address
  if (port !== null) return `"${name}:${port}"`
  return isIpv6 ? `"${name}"` : name
}

/** The grammar has no zone, and it means nothing to another host (RFC 6874 section 1). */
function withoutZone(address: string): string {
  const percent = address.indexOf('%')
  return percent < 0 ? address : address.slice(0, percent)
}
