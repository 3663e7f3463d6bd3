import { type IncomingMessage, type RequestOptions, request } from 'node:http'
import { ERROR_KINDS, type ErrorCode, SluiceError } from '../errors.ts'
import type { ApiError } from './api-contract.ts'
import { readTokenFile } from './bearer-token.ts'
import type { Method } from './route.ts'

/** Where a command looks for the daemon when nothing says otherwise. */
const DEFAULT_ADMIN_URL = 'http://127.0.0.1:8404'

/** Bytes of an answer that a command takes: ten thousand servers are 3 MB. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024

/** Without a byte from the daemon, for a read. */
const READ_TIMEOUT_MS = 10_000

/** As that, for a change: longer than a node waits for the leader. */
const CHANGE_TIMEOUT_MS = 75_000

/** Options that every command has that talks to a daemon. */
export interface ConnectionOptions {
  /** `--admin`: `http://HOST:PORT` or `unix@/PATH`. Default: `SLUICE_ADMIN`, then the usual address. */
  readonly admin?: string | undefined
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
  readonly method?: Method
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
 * @throws SluiceError the daemon's own code; `admin-unreachable`; `admin-refused` when what answers
 *   is no Sluice; `outcome-unknown` when a change was sent and no answer came; `config-unreadable`
 *   for the token file; `usage` for the address
 */
export async function askAdmin<T>(
  asked: AdminRequest,
  options: ConnectionOptions,
  io: CliIo,
): Promise<T> {
  const admin = options.admin ?? io.env['SLUICE_ADMIN'] ?? DEFAULT_ADMIN_URL
  const { method = 'GET', path, query = {}, body } = asked
  const token = options.tokenFile === undefined ? null : readTokenFile(options.tokenFile)
  const headers = {
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  }
  const target = { ...targetOf(admin), method, path: path + queryOf(query), headers }
  const sent = body === undefined ? undefined : JSON.stringify(body)
  return readAnswer(admin, await ask(target, sent, admin)) as T
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
  const { code = '', message = `${admin} answers ${status}` } = (answer ?? {}) as Partial<ApiError>
  throw new SluiceError(isErrorCode(code) ? code : 'admin-refused', message)
}

function targetOf(admin: string): RequestOptions {
  if (admin.startsWith('unix@')) return { socketPath: admin.slice('unix@'.length) }
  const url = URL.canParse(admin) ? new URL(admin) : null
  if (url?.protocol !== 'http:') {
    throw new SluiceError('usage', `${admin} is no admin address: write http://HOST:PORT`)
  }
  // An IPv6 address stands in brackets in a URL, and without them everywhere else.
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? 80 : url.port }
}

interface RawAnswer {
  readonly status: number
  readonly body: string
}

function ask(options: RequestOptions, sent: string | undefined, admin: string): Promise<RawAnswer> {
  const isRead = options.method === 'GET'
  const waitMs = isRead ? READ_TIMEOUT_MS : CHANGE_TIMEOUT_MS
  return new Promise((resolve, reject) => {
    let isSent = false
    const fail = (error: unknown): void => {
      if (error instanceof SluiceError) reject(error)
      else reject(lost(admin, isSent && !isRead, error))
    }
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
      socket.once('connect', () => {
        isSent = true
      })
    })
    asking.end(sent)
  })
}

function lost(admin: string, isSentChange: boolean, cause: unknown): SluiceError {
  const code = isSentChange ? 'outcome-unknown' : 'admin-unreachable'
  return new SluiceError(code, `no answer from ${admin}: ${String(cause)}`, cause)
}

function tooMuch(): SluiceError {
  return new SluiceError('admin-refused', `the answer has more than ${ANSWER_BYTES_MAX} bytes`)
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_KINDS, code)
}
