import { Pool } from 'undici'
import { onTestFinished } from 'vitest'

/** What a request got. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/** One request. */
export interface HttpCall {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** An iterable is sent chunked. */
  readonly body?: string | Buffer | AsyncIterable<Buffer>
}

/** Asks one address over a pool of keep-alive connections. */
export type HttpClient = (path: string, call?: HttpCall) => Promise<HttpAnswer>

/** Makes a client whose connections are closed when the test is over. */
export function httpClient(port: number, connections = 1): HttpClient {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections, pipelining: 1 })
  onTestFinished(() => pool.destroy())
  return async (path, { method = 'GET', headers, body } = {}) => {
    const response = await pool.request({ path, method, headers, body } as Parameters<
      typeof pool.request
    >[0])
    return {
      status: response.statusCode,
      headers: response.headers,
      body: Buffer.from(await response.body.arrayBuffer()),
    }
  }
}
