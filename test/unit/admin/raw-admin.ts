import { connect, type NetConnectOpts } from 'node:net'
import { onTestFinished } from 'vitest'
import { AdminServer, type AdminServerOptions } from '../../../src/admin/server.ts'
import type { Address } from '../../../src/model/address.ts'
import { recordingLog, sourceOf } from './admin-fixture.ts'

/** Starts an admin server, closed when the test is over, and gives back its port. */
export async function startAdmin(changes: Partial<AdminServerOptions> = {}): Promise<number> {
  const bind: Address = { kind: 'inet', host: '127.0.0.1', port: 0 }
  const options = { bind, token: null, source: sourceOf(), log: recordingLog() }
  const server = new AdminServer({ ...options, ...changes })
  const bound = await server.listen()
  onTestFinished(() => server.close())
  return bound.kind === 'inet' ? bound.port : 0
}

/** A request as it is sent: the header lines are those given, no others. */
export interface RawRequest {
  readonly method?: string
  readonly path?: string
  readonly headers?: readonly string[]
  readonly body?: string
}

/** Sends a request byte by byte as written, and gives back status and text of the answer. */
export function ask(
  target: number | NetConnectOpts,
  { method = 'GET', path = '/api/v1/servers', headers = [], body = '' }: RawRequest,
): Promise<{ status: number; text: string }> {
  const head = [`${method} ${path} HTTP/1.1`, 'Connection: close', ...headers].join('\r\n')
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
): RawRequest {
  const framing = [`Content-Length: ${Buffer.byteLength(body)}`, 'Content-Type: application/json']
  return { method: 'PATCH', path, headers: [...headers, ...framing], body }
}
