import { Pool } from 'undici'
import { onTestFinished } from 'vitest'

/** What a request got. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
  readonly trailers: Readonly<Record<string, string | string[] | undefined>>
  /** Status codes of the interim responses before. */
  readonly interims: readonly number[]
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
    const interims: number[] = []
    const onInfo = ({ statusCode }: { statusCode: number }): void => void interims.push(statusCode)
    // Without `reset` undici gives up its connection after a HEAD.
    const options = { path, method, headers, body, onInfo, reset: false }
    const response = await pool.request(options as Parameters<typeof pool.request>[0])
    return {
      status: response.statusCode,
      headers: response.headers,
      body: Buffer.from(await response.body.arrayBuffer()),
      trailers: response.trailers,
      interims,
    }
  }
}
