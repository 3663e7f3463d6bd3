import type { WrkRun } from './wrk.ts'

/** Which of a proxy's two addresses the load goes to. */
export type ProxyMode = 'http' | 'tcp'

/** One kind of work that every proxy is given. */
export interface Scenario {
  readonly name: string
  /** One line for the report. */
  readonly title: string
  readonly mode: ProxyMode
  readonly path: string
  readonly load: Pick<WrkRun, 'connections' | 'method' | 'bodyBytes' | 'headers' | 'thinkMs'>
}

/** All scenarios, in the order of the report. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'keep-alive',
    title: '100-byte responses, 64 keep-alive connections',
    mode: 'http',
    path: '/small',
    load: { connections: 64 },
  },
  {
    name: 'half-load',
    title: 'as keep-alive, with 0 to 4 ms between the requests of a connection',
    mode: 'http',
    path: '/small',
    load: { connections: 64, thinkMs: 4 },
  },
  {
    name: '16k',
    title: '16 KB responses, 64 keep-alive connections',
    mode: 'http',
    path: '/16k',
    load: { connections: 64 },
  },
  {
    name: '1m',
    title: '1 MB responses, 16 keep-alive connections',
    mode: 'http',
    path: '/1m',
    load: { connections: 16 },
  },
  {
    name: 'upload',
    title: '1 MB request bodies, 16 keep-alive connections',
    mode: 'http',
    path: '/upload',
    load: { connections: 16, method: 'POST', bodyBytes: 1024 * 1024 },
  },
  {
    name: 'connect',
    title: 'a new connection per request, 100-byte responses, 64 at once',
    mode: 'http',
    path: '/small',
    load: { connections: 64, headers: ['Connection: close'] },
  },
  {
    name: 'tcp',
    title: 'mode tcp, 100-byte responses, 64 keep-alive connections',
    mode: 'tcp',
    path: '/small',
    load: { connections: 64 },
  },
]
