import type { ConnectStep } from '../../model/probe-protocol.ts'
import { type Parsed, refused } from '../diagnostics/diagnostics.ts'
import { ALPN_PATTERN, parseServerName } from './tls-names.ts'

const PORT_MAX = 65_535
const HINT = 'Known: default, port N, send-proxy, ssl, sni NAME, alpn LIST.'
/** Arguments of HAProxy that are not here. */
const UNSUPPORTED = /^(addr|linger|proto|via-socks4)$/

/** What the arguments have said so far. */
interface Said {
  port: number | null
  isDefault: boolean
  sendProxy: boolean
  isSecure: boolean
  serverName: string | null
  alpn: readonly string[]
}

/**
 * Reads what follows `connect` in a line of HAProxy's `tcp-check`: `default`, `port N`,
 * `send-proxy`, `ssl`, `sni NAME` and `alpn LIST`, in any order.
 */
export function parseConnect(rest: string): Parsed<ConnectStep> {
  const words = rest.split(/ +/).filter((word) => word !== '')
  const said: Said = {
    port: null,
    isDefault: false,
    sendProxy: false,
    isSecure: false,
    serverName: null,
    alpn: [],
  }
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string
    if (word === 'default') said.isDefault = true
    else if (word === 'send-proxy') said.sendProxy = true
    else if (word === 'ssl') said.isSecure = true
    else {
      const problem = readArgument(word, words[++at] ?? '', said)
      if (problem !== null) return problem
    }
  }
  const { port, isDefault, sendProxy, isSecure, serverName, alpn } = said
  if (!isSecure && (serverName !== null || alpn.length > 0)) {
    return refused('sni and alpn are part of TLS', 'Write connect ssl ...')
  }
  const tls = isSecure ? { serverName, alpn } : null
  return { value: { kind: 'connect', port, isDefault, sendProxy, tls } }
}

/** Reads a word that has a value. @returns what is wrong with it, or null */
function readArgument(word: string, value: string, said: Said): Parsed<never> | null {
  if (word === 'port') {
    said.port = /^[0-9]{1,5}$/.test(value) ? Number(value) : 0
    const isPort = said.port >= 1 && said.port <= PORT_MAX
    return isPort ? null : refused(`ports are 1 to ${PORT_MAX}`, '', 'out-of-range')
  }
  if (word === 'sni') {
    const name = parseServerName(value)
    if (!('value' in name)) return name
    said.serverName = name.value
    return null
  }
  if (word === 'alpn') {
    said.alpn = value.split(',')
    const isRight = said.alpn.every((protocol) => new RegExp(ALPN_PATTERN).test(protocol))
    return isRight ? null : refused('this is not a list of protocols', 'Such as h2,http/1.1.')
  }
  if (UNSUPPORTED.test(word)) {
    return refused(`connect ${word} is not available in this version`, HINT, 'unsupported')
  }
  return refused(`unexpected "${word}"`, HINT)
}
