import { isIPv4 } from 'node:net'
import { type Address, formatAddress, isLoopback } from '../../base/address.ts'
import type { AdminConfig, Mode } from '../../model/config.ts'
import type { Report } from '../diagnostics/diagnostics.ts'
import type { Cursor } from '../text/tree.ts'
import { parseAddress } from '../values/addresses.ts'
import { DEFAULT_ADMIN_BIND } from '../values/default-values.ts'
import { effectiveMode } from './proxy-views.ts'

interface Bind {
  readonly address: Address
  /** Who binds it, for messages: `frontend "web"`. */
  readonly owner: string
  readonly at: Cursor
}

/**
 * Reports addresses that are bound twice, also where one is contained in the other: `:80` takes
 * port 80 of every IPv4 address, `[::]:80` of every address at all (Linux, net.ipv6.bindv6only 0).
 *
 * @param ownAdmin whose address counts where the text has none; null: the default does
 */
export function validateBinds(tree: Cursor, ownAdmin: AdminConfig | null, report: Report): void {
  const admin = adminBind(tree, ownAdmin)
  if (ownAdmin === null) validateExposure(admin, tree.at('admin'), report)
  const binds = tree.at('frontends').values().flatMap(bindsOf)
  if (admin !== null) binds.push(admin)
  binds.push(...adminSocket(tree))
  // The default of admin.bind has no place in the file: the other address is marked instead.
  binds.sort((a, b) => Number(b.at.node === null) - Number(a.at.node === null) || order(a, b))
  const inetByPort = new Map<number, Map<string, Bind>>()
  const unixByPath = new Map<string, Bind>()
  for (const bind of binds) {
    const { address } = bind
    if (address.kind === 'unix') {
      reportTwice(bind, unixByPath.get(address.path), report)
      unixByPath.set(address.path, bind)
      continue
    }
    const byHost = inetByPort.get(address.port) ?? new Map<string, Bind>()
    inetByPort.set(address.port, byHost)
    reportTwice(bind, overlapping(byHost, address.host), report)
    byHost.set(address.host, bind)
  }
}

/** What can be spoken in `mode http`, where the protocol that is agreed on must be known. */
const HTTP_PROTOCOLS: readonly string[] = ['h2', 'http/1.1', 'http/1.0']

/** Reports what about the TLS of binds does not fit together. */
export function validateBindTls(tree: Cursor, report: Report): void {
  const defaults = tree.at('global').at('ssl-default-bind-options')
  validateVersions(defaults, defaults, report)
  validateVersions(tree.at('admin').at('ssl'), defaults, report)
  for (const frontend of tree.at('frontends').values()) {
    const mode = effectiveMode(frontend, tree.at('defaults'))
    for (const bind of frontend.at('bind').items()) {
      validateVersions(bind.at('ssl'), defaults, report)
      validateClients(bind.at('ssl'), report)
      validateAlpn(bind, mode, report)
      validateProto(bind, mode, report)
    }
  }
}

/**
 * Reports versions of which none is left.
 *
 * @param own what has `ssl-min-ver` and `ssl-max-ver`
 * @param defaults what holds where that does not say
 */
export function validateVersions(own: Cursor, defaults: Cursor, report: Report): void {
  const version = (key: string): string | null => own.at(key).text ?? defaults.at(key).text
  if (version('ssl-min-ver') !== 'TLSv1.3' || version('ssl-max-ver') !== 'TLSv1.2') return
  const at = own.at('ssl-min-ver').node === null ? own.at('ssl-max-ver') : own.at('ssl-min-ver')
  if (at.node === null) return
  report.error(at.span, at.path, {
    code: 'out-of-range',
    message: 'ssl-min-ver is newer than ssl-max-ver',
    hint: 'Delete one of them; TLSv1.2 and TLSv1.3 are the default.',
  })
}

/** Keys that say how certificates of clients are held. */
const CLIENT_KEYS = ['ca-file', 'crl-file', 'crt-ignore-err', 'ca-ignore-err']

function validateClients(ssl: Cursor, report: Report): void {
  const verify = ssl.at('verify')
  if (verify.node !== null && verify.text !== 'none') {
    if (ssl.at('ca-file').node !== null) return
    report.error(verify.span, verify.path, {
      code: 'missing-key',
      message: 'certificates of clients are verified by a ca-file, and there is none',
      hint: 'Write ca-file: FILE beside it, with the authorities that may have signed them.',
    })
    return
  }
  const idle = CLIENT_KEYS.map((name) => ssl.at(name)).find(({ node }) => node !== null)
  if (idle === undefined) return
  report.warn(idle.keySpan, idle.path, {
    code: 'unused-setting',
    message: `${idle.name} has no effect: no client is asked for a certificate`,
    hint: 'Write verify: required, or optional.',
  })
}

function validateAlpn(bind: Cursor, mode: Mode | null, report: Report): void {
  const alpn = bind.at('alpn')
  if (alpn.node === null) return
  if (bind.at('ssl').node === null) {
    report.error(alpn.keySpan, alpn.path, {
      code: 'invalid-value',
      message: 'alpn is a part of TLS, and this bind has no ssl',
      hint: 'Write ssl: {crt: FILE} beside it, or delete it.',
    })
  }
  if (mode !== 'http') return
  validateHttpProtocols(alpn, report)
}

/** Reports what is offered by ALPN, on a bind or to a server, and is not known in `mode http`. */
export function validateHttpProtocols(alpn: Cursor, report: Report): void {
  for (const protocol of alpn.items()) {
    const { text } = protocol
    if (text === null || HTTP_PROTOCOLS.includes(text)) continue
    report.error(protocol.span, protocol.path, {
      code: 'unsupported',
      message: `alpn "${text}" is not available in this version in mode http`,
      hint: 'Write alpn: [h2, http/1.1].',
    })
  }
}

/** HAProxy, too, refuses a protocol that the mode does not have. */
function validateProto(bind: Cursor, mode: Mode | null, report: Report): void {
  const proto = bind.at('proto')
  if (proto.node === null) return
  if (mode === 'tcp') {
    report.error(proto.keySpan, proto.path, {
      code: 'invalid-value',
      message: 'proto is a version of HTTP, and this frontend is in mode tcp',
      hint: 'Delete it, or write mode: http.',
    })
    return
  }
  const wanted = proto.text === 'h2'
  for (const protocol of bind.at('alpn').items()) {
    if (protocol.text === null || (protocol.text === 'h2') === wanted) continue
    report.error(protocol.span, protocol.path, {
      code: 'invalid-value',
      message: `alpn "${protocol.text}" is not what proto "${proto.text}" speaks`,
      hint: 'Delete proto: what is agreed on by ALPN is spoken.',
    })
  }
}

function order(a: Bind, b: Bind): number {
  return a.at.span.start - b.at.span.start
}

function bindsOf(frontend: Cursor): Bind[] {
  return frontend
    .at('bind')
    .items()
    .map((item) => (item.node?.kind === 'map' ? item.at('address') : item))
    .flatMap((at) => bindOf(at, at.text, `frontend "${frontend.name}"`) ?? [])
}

function adminBind(tree: Cursor, own: AdminConfig | null): Bind | null {
  const at = tree.at('admin').at('bind')
  if (at.node !== null) return bindOf(at, at.text, 'admin')
  if (own === null) return bindOf(at, DEFAULT_ADMIN_BIND, 'admin')
  return own.bind === null ? null : { address: own.bind, owner: 'admin', at }
}

/** Its default is no path that a config would give a frontend. */
function adminSocket(tree: Cursor): Bind[] {
  const socket = tree.at('admin').at('socket')
  const at = socket.node?.kind === 'map' ? socket.at('path') : socket
  const bind = bindOf(at, at.text, 'admin')
  return bind?.address.kind === 'unix' ? [bind] : []
}

function bindOf(at: Cursor, text: string | null, owner: string): Bind | null {
  const result = parseAddress(text ?? '', 'bind')
  return 'value' in result ? { address: result.value, owner, at } : null
}

function overlapping(byHost: ReadonlyMap<string, Bind>, host: string): Bind | undefined {
  const wider = byHost.get('::') ?? (isIPv4(host) ? byHost.get('0.0.0.0') : undefined)
  const same = byHost.get(host) ?? wider
  if (same !== undefined || (host !== '::' && host !== '0.0.0.0')) return same
  for (const [other, bind] of byHost) if (host === '::' || isIPv4(other)) return bind
  return undefined
}

function reportTwice(bind: Bind, first: Bind | undefined, report: Report): void {
  if (first === undefined) return
  const same = formatAddress(first.address)
  report.error(bind.at.span, bind.at.path, {
    code: 'duplicate-bind',
    message: `${formatAddress(bind.address)} is bound twice: ${first.owner} binds ${same}`,
    hint:
      first.at.node === null
        ? 'Give one of them another port; this is the default of admin.bind.'
        : 'Give one of them another address or port.',
  })
}

function hasToken(admin: Cursor): boolean {
  return admin.at('token-file').node !== null || admin.at('tokens').values().length > 0
}

/** Whoever reaches the admin address reads every metric; whoever is on the way, every token. */
function validateExposure(bind: Bind | null, admin: Cursor, report: Report): void {
  if (bind === null || isLoopback(bind.address)) return
  if (!hasToken(admin)) {
    report.error(bind.at.span, bind.at.path, {
      code: 'exposed-admin',
      message: 'other hosts can reach the admin address, which asks for no token',
      hint: 'Give a token-file, or bind it to 127.0.0.1.',
    })
  } else if (admin.at('ssl').node === null) {
    report.error(bind.at.span, bind.at.path, {
      code: 'exposed-admin',
      message: 'other hosts can reach the admin address, and tokens come to it unencrypted',
      hint: 'Give ssl: {crt: FILE}, or bind it to 127.0.0.1. Where the way is safe, write ssl: off.',
    })
  }
}
