import { type IncomingMessage, type RequestOptions, request } from 'node:http'
import { ERROR_KINDS, type ErrorCode, SluiceError } from '../errors.ts'
import type { ApiError } from './api-contract.ts'
import { readTokenFile } from './bearer-token.ts'

/** Where a command looks for the daemon when nothing says otherwise. */
const DEFAULT_ADMIN_URL = 'http://127.0.0.1:8404'

/** Bytes of an answer that a command takes: ten thousand servers are 3 MB. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024

/** Without a byte from the daemon. */
const ANSWER_TIMEOUT_MS = 10_000

/** Options that every command has that talks to a daemon. */
export interface ConnectionOptions {
  /** `--admin`: `http://HOST:PORT` or `unix@/PATH`. Default: `SLUICE_ADMIN`, then the usual address. */
  readonly admin?: string | undefined
  /** `--token-file`: file that holds the admin token. */
  readonly tokenFile?: string | undefined
  /** `--json`: the API's answer instead of a table. */
  readonly json?: boolean | undefined
}

/** What a command is given of its surroundings. */
export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Writes to standard output. */
  write(text: string): void
}

/** What a command asks of the daemon. */
export interface AdminRequest {
  /** Default: GET. */
  readonly method?: 'GET' | 'PATCH'
  /** Of the API, as `/api/v1/servers`. */
  readonly path: string
  /** Sent as JSON. */
  readonly body?: unknown
}

/**
 * Asks the daemon.
 *
 * @returns the answer's JSON, which is taken to be what the contract says
 * @throws SluiceError the daemon's own code; `admin-unreachable`; `admin-refused` when what answers
 *   is no Sluice; `config-unreadable` for the token file; `usage` for the address
 */
export async function askAdmin<T>(
  { method = 'GET', path, body: sent }: AdminRequest,
  options: ConnectionOptions,
  io: CliIo,
): Promise<T> {
  const admin = options.admin ?? io.env['SLUICE_ADMIN'] ?? DEFAULT_ADMIN_URL
  const token = options.tokenFile === undefined ? null : readTokenFile(options.tokenFile)
  const headers = {
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
  }
  const target = { ...targetOf(admin), method, path, headers }
  const { status, body } = await ask(
    target,
    sent === undefined ? undefined : JSON.stringify(sent),
  ).catch((error: unknown) => {
    if (error instanceof SluiceError) throw error
    throw new SluiceError('admin-unreachable', `no answer from ${admin}: ${String(error)}`, error)
  })
  let answer: unknown
  try {
    answer = JSON.parse(body)
  } catch (error) {
    throw new SluiceError('admin-refused', `${admin} does not answer in JSON`, error)
  }
  if (status === 200) return answer as T
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

function ask(
  options: RequestOptions,
  sent: string | undefined,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asking = request({ ...options, agent: false }, (response: IncomingMessage) => {
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length > ANSWER_BYTES_MAX) asking.destroy(tooMuch())
        else chunks.push(chunk)
      })
      response.on('error', reject)
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() })
      })
    })
    asking.setTimeout(ANSWER_TIMEOUT_MS, () => asking.destroy(tooLate()))
    asking.on('error', reject)
    asking.end(sent)
  })
}

function tooMuch(): SluiceError {
  return new SluiceError('admin-refused', `the answer has more than ${ANSWER_BYTES_MAX} bytes`)
}

function tooLate(): SluiceError {
  return new SluiceError('admin-unreachable', `nothing came for ${ANSWER_TIMEOUT_MS} ms`)
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_KINDS, code)
}
