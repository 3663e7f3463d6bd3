import { parseRequestHead } from '../../../../src/http/h1/request-parser.ts'
import { parseResponseHead } from '../../../../src/http/h1/response-parser.ts'
import { DEFAULT_HEAD_LIMITS } from '../../../../src/http/limits.ts'
import { RequestHead } from '../../../../src/http/request-head.ts'
import { ResponseHead } from '../../../../src/http/response-head.ts'
import { SERVER_STATE, type ServerState } from '../../../../src/memory/server-table.ts'
import type { CookieConfig, PersistenceConfig } from '../../../../src/model/persistence-config.ts'
import type { PlannedBackend, PlannedServer } from '../../../../src/model/plan.ts'
import { NO_SCOPE } from '../../../../src/rules/rule-scope.ts'
import { linearPatterns } from '../../../../src/rules-host/linear-patterns.ts'
import {
  compileRequestPersistence,
  type RequestPersistence,
} from '../../../../src/worker/dispatch/persistence.ts'
import {
  RequestRewrite,
  ResponseRewrite,
} from '../../../../src/worker/exchange/rewriting/rewrite.ts'
import { FakeConn } from '../fake-network.ts'

/** A cookie `SRV` that nobody makes but servers, unless a test says otherwise. */
const COOKIE: CookieConfig = {
  name: 'SRV',
  mode: 'passive',
  indirect: false,
  nocache: false,
  postonly: false,
  preserve: false,
  httponly: false,
  secure: false,
  domains: [],
  maxIdleSec: 0,
  maxLifeSec: 0,
  attributes: [],
  dynamicKey: null,
}

/** What a lab differs in from one without any persistence. */
export interface PersistenceSetting {
  readonly cookie?: Partial<CookieConfig>
  readonly rest?: Partial<PersistenceConfig>
  /** Values of the servers' cookies; their rows count from 10. Default `s1`, `s2`. */
  readonly values?: readonly (string | null)[]
  readonly stickMemory?: SharedArrayBuffer
}

/** Row of the first server. */
export const FIRST_ROW = 10

/** A request as it goes on to a server. */
export interface Followed {
  /** The row that it is to go to, or -1. */
  readonly row: number
  /** The Cookie lines that the server gets. */
  readonly cookies: readonly string[]
  /** Answers from the server of a row with these lines. */
  readonly answer: (row: number, lines?: readonly string[], status?: number) => Answered
  readonly letters: () => string
}

/** A response as it goes on to the client. */
export interface Answered {
  readonly setCookies: readonly string[]
  readonly cacheControls: readonly string[]
  readonly letters: string
  readonly isFull: boolean
}

const REWRITE_BYTES = 1024

/** Persistence of one backend without network and clocks. */
export function persistenceLab(setting: PersistenceSetting) {
  const states = new Map<number, ServerState>()
  const clock = { dateSec: 1_000_000, uptimeSec: 1 }
  const context = {
    table: { state: (row: number) => states.get(row) ?? SERVER_STATE.up },
    dateSec: () => clock.dateSec,
    uptimeSec: () => clock.uptimeSec,
    patterns: linearPatterns,
  }
  const persistence = compileRequestPersistence(backendOf(setting), context) as RequestPersistence
  const follow = (lines: readonly string[], method = 'GET', client = new FakeConn()): Followed => {
    const request = requestOf(method, lines, client)
    const stickiness = persistence.begin(request)
    return {
      row: stickiness.row,
      cookies: valuesOf(request, 'cookie'),
      letters: () => stickiness.letters,
      answer: (row, responseLines = [], status = 200) => {
        const response = responseOf(status, responseLines)
        stickiness.connected(row)
        stickiness.respond(response)
        return {
          setCookies: valuesOf(response, 'set-cookie'),
          cacheControls: valuesOf(response, 'cache-control'),
          letters: stickiness.letters,
          isFull: response.isFull,
        }
      },
    }
  }
  return { follow, states, clock }
}

function backendOf(setting: PersistenceSetting): PlannedBackend {
  const values = setting.values ?? ['s1', 's2']
  const servers = values.map((cookie, index) => ({
    name: `n${index + 1}`,
    row: FIRST_ROW + index,
    address: { kind: 'inet', host: `10.0.0.${index + 1}`, port: 80 },
    cookie,
  }))
  const persistence: PersistenceConfig = {
    cookie: setting.cookie === undefined ? null : { ...COOKIE, ...setting.cookie },
    persist: false,
    forcePersist: [],
    ignorePersist: [],
    stickTable: null,
    stick: [],
    ...setting.rest,
  }
  return {
    mode: 'http',
    acls: [],
    persistence,
    stickMemory: setting.stickMemory ?? null,
    servers: servers as unknown as PlannedServer[],
  } as unknown as PlannedBackend
}

/** A request as a backend is asked which server it belongs to. */
export function requestOf(
  method: string,
  lines: readonly string[],
  client: FakeConn,
): RequestRewrite {
  const head = new RequestHead(DEFAULT_HEAD_LIMITS)
  const text = [`${method} / HTTP/1.1`, 'Host: a', ...lines, '', ''].join('\r\n')
  const view = Buffer.from(text, 'latin1')
  if (parseRequestHead(view, 0, view.length, head) !== view.length) throw new Error(text)
  const rewrite = new RequestRewrite(head, REWRITE_BYTES)
  rewrite.begin(client, 'web', NO_SCOPE)
  return rewrite
}

/** What a server answers with. */
export function responseOf(status: number, lines: readonly string[]): ResponseRewrite {
  const head = new ResponseHead(DEFAULT_HEAD_LIMITS)
  const text = [`HTTP/1.1 ${status} OK`, ...lines, '', ''].join('\r\n')
  const view = Buffer.from(text, 'latin1')
  if (parseResponseHead(view, 0, view.length, 'GET', head) !== view.length) throw new Error(text)
  const rewrite = new ResponseRewrite(head, REWRITE_BYTES)
  rewrite.begin(new FakeConn(), 'web', NO_SCOPE)
  return rewrite
}

/** The values of all lines of a name. */
export function valuesOf(message: RequestRewrite | ResponseRewrite, name: string): string[] {
  const values: string[] = []
  for (let at = message.findHeader(name, 0); at >= 0; at = message.findHeader(name, at + 1)) {
    values.push(message.headerValue(at))
  }
  return values
}
