import { SluiceError } from '../../../base/errors.ts'
import { isInNetworks, type Network, parseNetwork } from '../../../base/networks.ts'
import type { HeaderTable } from '../../../http/header-table.ts'
import type { ForwardForConfig } from '../../../model/config.ts'

/** The header line, CRLF included, that tells a server who its client is; '' where none is due. */
export type ForwardedForLine = (clientAddress: string, headers: HeaderTable) => string

/**
 * Compiles `option forwardfor`. Lines that the client sent stay before ours: the last one is the
 * one to trust.
 *
 * HAProxy configuration manual, option forwardfor.
 */
export function compileForwardedFor(option: ForwardForConfig | null): ForwardedForLine | null {
  if (option === null) return null
  const { header, ifNone } = option
  const lowerCaseName = header.toLowerCase()
  const except = option.except.map(networkOf)
  return (clientAddress, headers) => {
    if (clientAddress === '') return ''
    if (ifNone && headers.has(lowerCaseName)) return ''
    if (except.length > 0 && isInNetworks(clientAddress, except)) return ''
    return `${header}: ${clientAddress}\r\n`
  }
}

function networkOf(text: string): Network {
  const network = parseNetwork(text)
  if (network === null) throw new SluiceError('config-invalid', `${text} is not a network`)
  return network
}
