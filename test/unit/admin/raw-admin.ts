import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type NetConnectOpts } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { AdminServer, type AdminServerOptions } from '../../../src/admin/server.ts'
import { AdminTokens } from '../../../src/admin/tokens.ts'
import { AcceptPauses } from '../../../src/net/accept-pauses.ts'
import { FakeCluster } from '../operations/fake-cluster.ts'
import { sourceOf } from '../operations/fake-source.ts'
import { recordingLog } from './admin-fixture.ts'

/** The token of {@link ADMIN_TOKENS}. */
export const TOKEN = 'a-long-secret'

/** One token, which is good for everything. */
export const ADMIN_TOKENS = new AdminTokens([{ name: null, level: 'admin', token: TOKEN }])

/** None. */
export const NO_TOKENS = new AdminTokens([])

/** An admin server on a port that the system chooses, of a daemon that is well. */
export function adminServer(changes: Partial<AdminServerOptions> = {}): AdminServer {
  return new AdminServer({
    bind: { kind: 'inet', host: '127.0.0.1', port: 0 },
    tokens: ADMIN_TOKENS,
    source: sourceOf(),
    cluster: new FakeCluster(),
    node: 'lb1',
    log: recordingLog(),
    pauses: new AcceptPauses(() => {}),
    ...changes,
  })
}

/** Starts an admin server, closed when the test is over, and gives back its port. */
export async function startAdmin(changes: Partial<AdminServerOptions> = {}): Promise<number> {
  const server = adminServer(changes)
  const bound = await server.listen()
  onTestFinished(() => server.close())
  return bound.port
}

/**
 * Starts an admin server on a Unix socket, closed when the test is over, and gives back `--admin`
 * of a command.
 */
export async function startForCommands(
  changes: Partial<AdminServerOptions> = {},
): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-admin-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const server = adminServer({ ...changes, bind: null })
  onTestFinished(() => server.close())
  const path = join(folder, 'admin.sock')
  await server.listenOnSocket(path, { mode: 0o600, gid: null })
  return [`unix:${path}`]
}

/** Asks over HTTP with the token of {@link ADMIN_TOKENS}. */
export function fetchAdmin(port: number, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${TOKEN}` }
  return fetch(`http://127.0.0.1:${port}${path}`, { headers, ...init })
}

/** A request as it is sent: the header lines are those given, and one with the token. */
export interface RawRequest {
  /** False: without the token. Default true, where no other `Authorization` is given. */
  readonly hasToken?: boolean
  readonly method?: string
  readonly path?: string
  readonly headers?: readonly string[]
  readonly body?: string
}

/** Sends a request byte by byte as written, and gives back status and text of the answer. */
export function ask(
  target: number | NetConnectOpts,
  { method = 'GET', path = '/api/v1/servers', headers = [], body = '', hasToken }: RawRequest,
): Promise<{ status: number; text: string }> {
  const isBare = hasToken === false || headers.some((line) => /^authorization:/i.test(line))
  const proof = isBare ? [] : [`Authorization: Bearer ${TOKEN}`]
  const lines = [`${method} ${path} HTTP/1.1`, 'Connection: close', ...proof, ...headers]
  const head = lines.join('\r\n')
  return new Promise((resolve, reject) => {
    let text = ''
    const options = typeof target === 'number' ? { port: target, host: '127.0.0.1' } : target
    const socket = connect(options)
    socket.on('data', (data) => {
      text += data.toString()
    })
    socket.on('close', () => {
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text })
    })
    // What is refused may be reset once the answer is there; an answer that is missing shows.
    socket.on('error', (error) => (text === '' ? reject(error) : undefined))
    socket.write(`${head}\r\n\r\n${body}`)
  })
}

/** The headers and the body of a change. */
export function change(
  headers: readonly string[],
  body = '{"weight":5}',
  path = '/api/v1/servers/app/app1',
  method = 'PATCH',
): RawRequest {
  const framing = [`Content-Length: ${Buffer.byteLength(body)}`, 'Content-Type: application/json']
  return { method, path, headers: [...headers, ...framing], body }
}

/** Asks for JSON as a client that may: gives back the status, the JSON, and the head. */
export async function askJson(
  port: number,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; json: unknown; head: string }> {
  const host = ['Host: localhost']
  const request =
    body === undefined
      ? { method, path, headers: host }
      : change(host, JSON.stringify(body), path, method)
  const { status, text } = await ask(port, request)
  const end = text.indexOf('\r\n\r\n')
  const head = text.slice(0, end)
  const isJson = /^content-type: application\/json\r?$/im.test(head)
  return { status, json: isJson ? JSON.parse(text.slice(end + 4)) : null, head }
}
