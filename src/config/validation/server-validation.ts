import type { Report } from '../diagnostics/diagnostics.ts'
import type { Cursor } from '../text/tree.ts'
import { parseAddress } from '../values/addresses.ts'

/** Reports settings of servers, and of `default-server`, that do not go together. */
export function validateServers(tree: Cursor, report: Report): void {
  const backends = tree.at('backends').values()
  for (const proxy of [tree.at('defaults'), ...backends]) {
    validateSendProxy(proxy.at('default-server'), report)
  }
  for (const server of backends.flatMap((backend) => backend.at('servers').values())) {
    validateTarget(server, report)
    validateSendProxy(server, report)
  }
}

/** A check that goes elsewhere needs a whole address: a Unix socket has no host and no port. */
function validateTarget(server: Cursor, report: Report): void {
  const address = parseAddress(server.at('address').text ?? '', 'server')
  if (!('value' in address) || address.value.kind !== 'unix') return
  const [addr, port] = [server.at('addr'), server.at('port')]
  if ((addr.node === null) === (port.node === null)) return
  const [given, missing] = addr.node === null ? [port, 'addr'] : [addr, 'port']
  report.error(given.keySpan, given.path, {
    message: `the server is a Unix socket: to check another place, give ${missing} too`,
    hint: '',
  })
}

/** A connection has one header. */
function validateSendProxy(settings: Cursor, report: Report): void {
  const [first, second] = [settings.at('send-proxy'), settings.at('send-proxy-v2')]
  if (first.value !== true || second.value !== true) return
  report.error(second.keySpan, second.path, {
    message: 'a connection begins with one PROXY header: of version 1 or of version 2',
    hint: 'Delete send-proxy or send-proxy-v2.',
  })
}
