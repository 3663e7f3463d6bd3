import type { Mode } from '../../model/config.ts'
import type { Report } from '../diagnostics/diagnostics.ts'
import type { Cursor } from '../text/tree.ts'
import { parseAddress } from '../values/addresses.ts'
import { validateHttpProtocols, validateVersions } from './bind-validation.ts'
import { effectiveMode } from './proxy-views.ts'

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
  const second = ['send-proxy-v2', 'send-proxy-v2-ssl', 'send-proxy-v2-ssl-cn']
    .map((name) => settings.at(name))
    .find(({ value }) => value === true)
  if (settings.at('send-proxy').value !== true || second === undefined) return
  report.error(second.keySpan, second.path, {
    message: 'a connection begins with one PROXY header: of version 1 or of version 2',
    hint: `Delete send-proxy or ${second.name}.`,
  })
}

/** Reports what about the TLS of servers does not fit together. */
export function validateServerTls(tree: Cursor, report: Report): void {
  const standard = tree.at('global').at('ssl-default-server-options')
  validateVersions(standard, standard, report)
  validateTlsOf(tree.at('defaults').at('default-server'), standard, null, report)
  for (const backend of tree.at('backends').values()) {
    const mode = effectiveMode(backend, tree.at('defaults'))
    for (const server of [backend.at('default-server'), ...backend.at('servers').values()]) {
      validateTlsOf(server, standard, mode, report)
    }
  }
}

function validateTlsOf(server: Cursor, standard: Cursor, mode: Mode | null, report: Report): void {
  const ssl = server.at('ssl')
  validateVersions(ssl, standard, report)
  if (mode === 'http') validateHttpProtocols(ssl.at('alpn'), report)
  const off = server.at('no-check-ssl')
  if (off.value !== true || server.at('check-ssl').value !== true) return
  report.error(off.keySpan, off.path, {
    message: 'checks are made over TLS, or they are not',
    hint: 'Delete check-ssl, or no-check-ssl.',
  })
}
