import { SERVER_STATE, type ServerTable } from '../../memory/server-table.ts'
import type { AclConfig } from '../../model/config.ts'
import type { PersistenceConfig } from '../../model/persistence-config.ts'
import type { PlannedBackend } from '../../model/plan.ts'
import type { BackendServersChange } from '../../model/servers-change.ts'
import { compileCondition, compileStick } from '../../rules/actions/stick-rules.ts'
import type { RequestFacts, SessionFacts } from '../../rules/facts.ts'
import { type AclExpressions, AclScope } from '../../rules/language/acls.ts'
import type { Test } from '../../rules/language/logic.ts'
import { type Phase, REQUEST_PHASE, SESSION_PHASE } from '../../rules/language/phases.ts'
import type { PatternEngine } from '../../rules/samples/patterns.ts'
import type { UpstreamServer } from '../servers/upstream-server.ts'
import {
  CookiePersistence,
  type CookieRequest,
  type CookieResponse,
  type CookieVisit,
  type NamedByCookie,
  type SetCookieLetter,
} from './persistence-cookie.ts'
import { TablePersistence } from './persistence-table.ts'

/** What persistence needs of the worker that it runs in. */
export interface PersistenceContext {
  readonly table: Pick<ServerTable, 'state'>
  /** Seconds since 1970, for dates in cookies. */
  readonly dateSec: () => number
  /** Seconds by a clock that all threads share and that never goes back. */
  readonly uptimeSec: () => number
  readonly patterns: PatternEngine
}

/** What decides for a request before its cookie and its keys are looked at. */
interface Conditions {
  readonly isForced: (facts: RequestFacts) => boolean
  readonly isIgnored: (facts: RequestFacts) => boolean
}

/** The clocks of a worker, and what it shares. */
export function persistenceContext({
  table,
  patterns,
}: Pick<PersistenceContext, 'table' | 'patterns'>): PersistenceContext {
  return {
    table,
    patterns,
    dateSec: () => Math.floor(Date.now() / 1_000),
    // Time zero of `performance.now` is another one in each thread; this clock has none.
    uptimeSec: () => process.hrtime()[0] + 1,
  }
}

const NO_SERVER: NamedByCookie = { row: -1, value: null }

/** Which server one session or request belongs to, from its beginning to its response. */
export class Stickiness {
  /** The row of the server that it is to go to, or -1. */
  readonly row: number
  /** It goes there whatever the state of the server. */
  readonly isForced: boolean
  readonly #context: PersistenceContext
  readonly #cookies: CookiePersistence | null
  readonly #visit: CookieVisit | null
  readonly #note: ((row: number, nowSec: number) => void) | null
  #setCookie: SetCookieLetter = 'N'
  #server = NO_SERVER

  constructor(
    context: PersistenceContext,
    isForced: boolean,
    row: number,
    cookie: { readonly persistence: CookiePersistence; readonly visit: CookieVisit } | null,
    note: ((row: number, nowSec: number) => void) | null,
  ) {
    this.#context = context
    this.isForced = isForced
    this.row = row
    this.#cookies = cookie?.persistence ?? null
    this.#visit = cookie?.visit ?? null
    this.#note = note
  }

  /** A connection to the server of this row is there. */
  connected(row: number): void {
    // What names it then: it may be removed, or move, before it has answered.
    if (this.#cookies !== null) this.#server = { row, value: this.#cookies.valueOf(row) }
    this.#note?.(row, this.#context.uptimeSec())
  }

  /** Tells the client by the response which server it belongs to. */
  respond(response: CookieResponse): void {
    if (this.#cookies === null || this.#visit === null) return
    const nowSec = this.#context.dateSec()
    this.#setCookie = this.#cookies.respond(response, this.#server, this.#visit, nowSec)
  }

  /**
   * The third and fourth letter of the termination state; `--` where there is no cookie to tell of.
   * HAProxy configuration manual, section 8.5.
   */
  get letters(): string {
    const visit = this.#visit
    if (visit === null || this.#cookies?.isTold !== true) return '--'
    // A server that did not take it is as good as down.
    const { row } = this.#server
    const isLost = visit.letter === 'V' && row >= 0 && row !== visit.row
    return `${isLost ? 'D' : visit.letter}${this.#setCookie}`
  }
}

/** Persistence of requests, in `mode http`. */
export class RequestPersistence {
  readonly #context: PersistenceContext
  readonly #cookies: CookiePersistence | null
  readonly #keys: TablePersistence<RequestFacts> | null
  readonly #conditions: Conditions

  constructor(
    context: PersistenceContext,
    cookies: CookiePersistence | null,
    keys: TablePersistence<RequestFacts> | null,
    conditions: Conditions,
  ) {
    this.#context = context
    this.#cookies = cookies
    this.#keys = keys
    this.#conditions = conditions
  }

  /** @param servers all that there are after the change, in the order of the config */
  change(change: BackendServersChange, servers: readonly UpstreamServer[]): void {
    this.#cookies?.change(change, servers)
    this.#keys?.change(change, servers)
  }

  /** Finds the server that a request belongs to; takes out of it what the server is not to see. */
  begin(request: CookieRequest): Stickiness {
    const context = this.#context
    const isForced = this.#conditions.isForced(request)
    const isUsable = isForced ? () => true : usableIn(context)
    const isIgnored = !isForced && this.#conditions.isIgnored(request)
    const nowSec = context.dateSec()
    const visit = this.#cookies?.read(request, { isIgnored, isUsable, nowSec }) ?? null
    const found = this.#keys?.find(request, isUsable, context.uptimeSec()) ?? null
    const row = visit !== null && visit.row >= 0 ? visit.row : (found?.row ?? -1)
    const cookie =
      visit === null ? null : { persistence: this.#cookies as CookiePersistence, visit }
    return new Stickiness(context, isForced, row, cookie, noteOf(this.#keys, found?.key ?? null))
  }
}

/** Persistence of connections, in `mode tcp`. */
export class SessionPersistence {
  readonly #context: PersistenceContext
  readonly #keys: TablePersistence<SessionFacts>
  readonly #isForced: boolean

  constructor(
    context: PersistenceContext,
    keys: TablePersistence<SessionFacts>,
    isForced: boolean,
  ) {
    this.#context = context
    this.#keys = keys
    this.#isForced = isForced
  }

  /** @param servers all that there are after the change, in the order of the config */
  change(change: BackendServersChange, servers: readonly UpstreamServer[]): void {
    this.#keys.change(change, servers)
  }

  /** Finds the server that a connection belongs to. */
  begin(facts: SessionFacts): Stickiness {
    const context = this.#context
    const isUsable = this.#isForced ? () => true : usableIn(context)
    const { row, key } = this.#keys.find(facts, isUsable, context.uptimeSec())
    return new Stickiness(context, this.#isForced, row, null, noteOf(this.#keys, key))
  }
}

/**
 * Compiles the persistence of a backend in `mode http`.
 *
 * @returns null where nothing sticks, so that it costs nothing
 * @throws SluiceError `config-invalid` for rules that their checks refuse
 */
export function compileRequestPersistence(
  plan: PlannedBackend,
  context: PersistenceContext,
): RequestPersistence | null {
  const { persistence: config, mode, servers } = plan
  if (config === null || mode !== 'http') return null
  const cookies = config.cookie === null ? null : new CookiePersistence(config.cookie, servers)
  const keys = compileKeys(plan, config, REQUEST_PHASE, context.patterns)
  return new RequestPersistence(
    context,
    cookies,
    keys,
    conditionsOf(plan, config, context.patterns),
  )
}

/** Compiles the persistence of a backend in `mode tcp`, as {@link compileRequestPersistence}. */
export function compileSessionPersistence(
  plan: PlannedBackend,
  context: PersistenceContext,
): SessionPersistence | null {
  const { persistence: config, mode } = plan
  if (config === null || mode !== 'tcp') return null
  const keys = compileKeys(plan, config, SESSION_PHASE, context.patterns)
  return keys === null ? null : new SessionPersistence(context, keys, config.persist)
}

function compileKeys<F>(
  { acls, stickMemory, servers }: PlannedBackend,
  { stickTable, stick }: PersistenceConfig,
  phase: Phase<F>,
  patterns: PatternEngine,
): TablePersistence<F> | null {
  if (stickTable === null || stickMemory === null) return null
  const scope = new AclScope(phase, expressionsOf(acls), patterns)
  const rules = stick.map((text) => compileStick(text, scope))
  return new TablePersistence(rules, stickTable, stickMemory, servers)
}

function conditionsOf(
  { acls }: PlannedBackend,
  config: PersistenceConfig,
  patterns: PatternEngine,
): Conditions {
  const scope = new AclScope(REQUEST_PHASE, expressionsOf(acls), patterns)
  const compile = (texts: readonly string[]): Test<RequestFacts>[] =>
    texts.map((text) => compileCondition(text, scope))
  const forced = compile(config.forcePersist)
  const ignored = compile(config.ignorePersist)
  return {
    isForced: (facts) => config.persist || forced.some((test) => test(facts)),
    isIgnored: (facts) => ignored.some((test) => test(facts)),
  }
}

function expressionsOf(acls: readonly AclConfig[]): AclExpressions {
  return new Map(acls.map((acl) => [acl.name, acl.expressions]))
}

/** What keeps its sessions: servers that are up, whatever their weight, and draining ones. */
function usableIn({ table }: PersistenceContext): (row: number) => boolean {
  return (row) => {
    const state = table.state(row)
    return state === SERVER_STATE.up || state === SERVER_STATE.drain
  }
}

function noteOf<F>(
  keys: TablePersistence<F> | null,
  key: string | null,
): ((row: number, nowSec: number) => void) | null {
  if (keys === null || key === null) return null
  return (row, nowSec) => keys.store(key, row, nowSec)
}
