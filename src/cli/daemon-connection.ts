import { readFileSync } from 'node:fs'
import { type IncomingMessage, request as requestPlainly } from 'node:http'
import { type RequestOptions, request as requestSecurely } from 'node:https'
import { ERROR_KINDS, type ErrorCode, SluiceError } from '../base/errors.ts'
import { readTokenFile } from '../base/host/token-file.ts'
import type { ErrorReport } from '../operations/contract/errors.ts'
import { adminAddresses, connectError } from './daemon-addresses.ts'

/** Bytes of an answer that a command takes: ten thousand servers are 3 MB. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024

/** Without a byte from the daemon, for a read. */
const READ_TIMEOUT_MS = 10_000

/** As that, for a change: longer than a node waits for the leader. */
const CHANGE_TIMEOUT_MS = 75_000

/** Why an address was not asked. */
const UNREACHED: ReadonlySet<ErrorCode> = new Set([
  'admin-unreachable',
  'admin-denied',
  'admin-untrusted',
])

/** Options that every command has that talks to a daemon. */
export interface ConnectionOptions {
  /**
   * `--admin`: `https://HOST:PORT`, `http://HOST:PORT` or `unix:PATH`, of which the first that answers
   * is asked. Default: `SLUICE_ADMIN`, where blanks stand between several; then the usual sockets.
   */
  readonly admin?: readonly string[] | undefined
  /**
   * `--ca-file`: file with the authorities that may have signed the certificate of an `https` address.
   * Default: `SLUICE_CA_FILE`; then those that Node.js trusts.
   */
  readonly caFile?: string | undefined
  /** `--token-file`: file that holds the admin token. */
  readonly tokenFile?: string | undefined
  /** `--json`: the API's answer instead of a table. */
  readonly json?: boolean | undefined
}

/** Options of a command that reads what the cluster agrees on. */
export interface ReadOptions extends ConnectionOptions {
  /** `--stale`: what the asked node knows, be it old; needs no quorum. */
  readonly stale?: boolean | undefined
}

/** What a command is given of its surroundings. */
export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Writes to standard output. */
  write(text: string): void
  /** Writes to standard error. */
  warn(text: string): void
}

/** What a command asks of the daemon. */
export interface AdminRequest {
  /** Default: GET. */
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Of the API, as `/api/v1/servers`. */
  readonly path: string
  /** What is undefined is left out. */
  readonly query?: Readonly<Record<string, string | undefined>>
  /** Sent as JSON. */
  readonly body?: unknown
}

/**
 * Asks the daemon.
 *
 * @returns the answer's JSON, which is taken to be what the contract says; null where it has no body
 * @throws SluiceError the daemon's own code; `admin-unreachable`, `admin-denied` and `admin-untrusted`
 *   when no address can be connected to; `admin-refused` when what answers is no Sluice;
 *   `outcome-unknown` when a change was sent and no answer came; `config-unreadable` for the token
 *   file and that of authorities; `usage` for an address
 */
export function askAdmin<T>(
  asked: AdminRequest,
  options: ConnectionOptions,
  io: CliIo,
): Promise<T> {
  return askFor(asked, options, io, (name, answer) => readAnswer(name, answer) as T)
}

/**
 * Asks the daemon for what it answers as plain text.
 *
 * @throws SluiceError as {@link askAdmin}
 */
export function askAdminForText(
  asked: Pick<AdminRequest, 'path' | 'query'>,
  options: ConnectionOptions,
  io: CliIo,
): Promise<string> {
  return askFor(asked, options, io, (name, answer) => {
    if (answer.status !== 200) readAnswer(name, answer)
    return answer.body
  })
}

async function askFor<T>(
  asked: AdminRequest,
  options: ConnectionOptions,
  io: CliIo,
  read: (admin: string, answer: RawAnswer) => T,
): Promise<T> {
  const { method = 'GET', path, query = {}, body } = asked
  const addresses = adminAddresses(options.admin, { env: io.env, uid: process.getuid?.() ?? -1 })
  const token = options.tokenFile === undefined ? null : readTokenFile(options.tokenFile)
  const ca = authoritiesOf(options, io)
  const headers = {
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  }
  const sent = body === undefined ? undefined : JSON.stringify(body)
  const failures: SluiceError[] = []
  for (const { name, isSecured, target } of addresses) {
    try {
      const request = { ...target, method, path: path + queryOf(query), headers }
      const secured = isSecured ? { ...request, ...(ca !== null && { ca }) } : null
      return read(name, await ask(secured ?? request, sent, name, isSecured))
    } catch (error) {
      if (!isUnreached(error)) throw error
      failures.push(error)
    }
  }
  throw unreached(failures)
}

/**
 * Asks for what the cluster agrees on, stale if the options say so.
 *
 * @throws SluiceError as {@link askAdmin}
 */
export function readAdmin<T>(
  asked: Pick<AdminRequest, 'path' | 'query'>,
  options: ReadOptions,
  io: CliIo,
): Promise<T> {
  const stale = options.stale === true ? 'true' : undefined
  return askAdmin({ ...asked, query: { ...asked.query, stale } }, options, io)
}

function queryOf(query: NonNullable<AdminRequest['query']>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined)
  const text = new URLSearchParams(given as [string, string][]).toString()
  return text === '' ? '' : `?${text}`
}

function readAnswer(admin: string, { status, body }: RawAnswer): unknown {
  if (status === 204) return null
  let answer: unknown
  try {
    answer = JSON.parse(body)
  } catch (error) {
    throw new SluiceError('admin-refused', `${admin} does not answer in JSON`, error)
  }
  if (status >= 200 && status < 300) return answer
  const { code = '', message = `${admin} answers ${status}` } = (answer ??
    {}) as Partial<ErrorReport>
  throw new SluiceError(isErrorCode(code) ? code : 'admin-refused', message)
}

interface RawAnswer {
  readonly status: number
  readonly body: string
}

/** @throws SluiceError `config-unreadable` */
function authoritiesOf({ caFile }: ConnectionOptions, { env }: CliIo): Buffer | null {
  const file = caFile ?? env['SLUICE_CA_FILE']
  if (file === undefined || file === '') return null
  try {
    return readFileSync(file)
  } catch (error) {
    const message = `cannot read the file of authorities ${file}: ${String(error)}`
    throw new SluiceError('config-unreadable', message, error)
  }
}

function ask(
  options: RequestOptions,
  sent: string | undefined,
  admin: string,
  isSecured: boolean,
): Promise<RawAnswer> {
  const isRead = options.method === 'GET'
  const waitMs = isRead ? READ_TIMEOUT_MS : CHANGE_TIMEOUT_MS
  return new Promise((resolve, reject) => {
    let isSent = false
    const fail = (error: unknown): void => {
      if (error instanceof SluiceError) reject(error)
      else reject(lost(admin, isSent && !isRead, error))
    }
    const request = isSecured ? requestSecurely : requestPlainly
    const asking = request({ ...options, agent: false }, (response: IncomingMessage) => {
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length > ANSWER_BYTES_MAX) asking.destroy(tooMuch())
        else chunks.push(chunk)
      })
      response.on('error', fail)
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() })
      })
    })
    asking.setTimeout(waitMs, () => {
      asking.destroy(lost(admin, isSent && !isRead, `nothing came for ${waitMs} ms`))
    })
    asking.on('error', fail)
    asking.once('socket', (socket) => {
      // What goes out before a handshake is complete is kept back.
      socket.once(isSecured ? 'secureConnect' : 'connect', () => {
        isSent = true
      })
    })
    asking.end(sent)
  })
}

function lost(admin: string, isSentChange: boolean, cause: unknown): SluiceError {
  if (isSentChange) {
    const message = `no answer from ${admin}: ${String(cause)}`
    return new SluiceError('outcome-unknown', message, cause)
  }
  return connectError(admin, cause)
}

/** Nothing was asked of a daemon yet, so that another address may be tried. */
function isUnreached(error: unknown): error is SluiceError {
  if (!(error instanceof SluiceError)) return false
  return UNREACHED.has(error.code)
}

/** A daemon that is there and may not be asked says more than one that is not. */
function unreached(failures: readonly SluiceError[]): SluiceError {
  const denied = failures.find(({ code }) => code !== 'admin-unreachable')
  const [first] = failures
  if (denied !== undefined) return denied
  if (first !== undefined && failures.length === 1) return first
  const message = failures.map((failure) => failure.message).join('; ')
  return new SluiceError('admin-unreachable', message, first)
}

function tooMuch(): SluiceError {
  return new SluiceError('admin-refused', `the answer has more than ${ANSWER_BYTES_MAX} bytes`)
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_KINDS, code)
}
