import { type Stats, statSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { SluiceError } from '../base/errors.ts'
import { groupName, userName } from '../base/host/accounts.ts'
import { isSafePlace, type ProcessOwner, usualSocketPaths } from '../base/host/socket-places.ts'
import { alternatives } from '../base/spelling.ts'

/** Codes of OpenSSL, and of Node.js, for a certificate that does not prove what it should. */
const UNTRUSTED = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_ALTNAME)/

/** Where a daemon may be asked. */
export interface AdminAddress {
  /** As it is written: `unix:PATH`, `http://HOST:PORT`, `https://HOST:PORT`. */
  readonly name: string
  readonly isSecured: boolean
  readonly target: RequestOptions
}

/**
 * Where a command is to look for the daemon, in this order.
 *
 * @param given by `--admin`; else those of `SLUICE_ADMIN` count, else the usual sockets
 * @throws SluiceError `usage` for what is no address
 */
export function adminAddresses(
  given: readonly string[] | undefined,
  owner: ProcessOwner,
): readonly AdminAddress[] {
  const named = given ?? (owner.env['SLUICE_ADMIN'] ?? '').split(/\s+/).filter((one) => one !== '')
  if (named.length > 0) return named.map(parseAdminAddress)
  // Who could put a socket there would be told tokens and configs.
  const paths = usualSocketPaths(owner).filter((path) => isSafePlace(path, owner.uid))
  return paths.map((path) => parseAdminAddress(`unix:${path}`))
}

/** `unix@PATH` is how configs write it. */
function parseAdminAddress(name: string): AdminAddress {
  const [, socketPath] = /^unix[:@](.+)$/s.exec(name) ?? []
  if (socketPath !== undefined) return { name, isSecured: false, target: { socketPath } }
  const url = URL.canParse(name) ? new URL(name) : null
  const isSecured = url?.protocol === 'https:'
  if (url === null || (url.protocol !== 'http:' && !isSecured)) {
    const message = `${name} is no admin address: write unix:PATH, http://HOST:PORT or https://HOST:PORT`
    throw new SluiceError('usage', message)
  }
  // An IPv6 address stands in brackets in a URL, and without them everywhere else.
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port === '' ? (isSecured ? 443 : 80) : url.port
  return { name, isSecured, target: { host, port } }
}

/** Why an address was not connected to, or did not answer a question that changes nothing. */
export function connectError(name: string, cause: unknown): SluiceError {
  const { code = '' } = cause instanceof Error ? (cause as NodeJS.ErrnoException) : {}
  const [, path] = /^unix[:@](.+)$/s.exec(name) ?? []
  if (path !== undefined && code === 'ENOENT') {
    return new SluiceError('admin-unreachable', `there is no admin socket ${path}`, cause)
  }
  if (path !== undefined && code === 'ECONNREFUSED') {
    const message = `the daemon that made ${path} does not run any more`
    return new SluiceError('admin-unreachable', message, cause)
  }
  if (path !== undefined && (code === 'EACCES' || code === 'EPERM')) {
    const message = `this user may not use the admin socket ${path}: ${permitted(path)}`
    return new SluiceError('admin-denied', message, cause)
  }
  if (UNTRUSTED.test(code)) {
    const message = `${name} shows a certificate that is not trusted: ${(cause as Error).message}`
    return new SluiceError('admin-untrusted', message, cause)
  }
  return new SluiceError('admin-unreachable', `no answer from ${name}: ${String(cause)}`, cause)
}

/** Who may use a socket. */
function permitted(path: string): string {
  let file: Stats
  try {
    file = statSync(path)
  } catch {
    return 'its folder is closed to this user'
  }
  const users = new Set(['root', userName(file.uid)])
  const hasGroup = (file.mode & 0o060) === 0o060
  if (hasGroup) users.add(`who is in the group ${groupName(file.gid)}`)
  return `it is for ${alternatives([...users])}`
}
