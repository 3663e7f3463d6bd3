import { formatAddress } from '../../base/address.ts'
import { nodeCrypto } from '../../base/host/late-modules.ts'
import {
  cookieValue,
  type DatedCookie,
  datedCookieText,
  findCookie,
  findSetCookie,
  readDatedCookie,
  setCookieText,
  withCookieValue,
  withoutCookie,
} from '../../http/cookies.ts'
import type { CookieConfig } from '../../model/persistence-config.ts'
import type { PlannedServer } from '../../model/plan.ts'
import type { BackendServersChange } from '../../model/servers-change.ts'
import type { HeaderEdits, HeaderFacts, HeaderName, RequestFacts } from '../../rules/facts.ts'
import type { UpstreamServer } from '../servers/upstream-server.ts'
import { RowsByKey } from './rows-by-key.ts'

/**
 * What the cookie of a request was: none, of no server, of one that is down, valid, idle for too
 * long (expired), given too long ago (old), not looked at (unused). HAProxy configuration manual,
 * section 8.5.
 */
export type CookieLetter = 'N' | 'I' | 'D' | 'V' | 'E' | 'O' | 'U'

/** What became of the cookie in the response: none, passed on, deleted, inserted, rewritten, updated. */
export type SetCookieLetter = 'N' | 'P' | 'D' | 'I' | 'R' | 'U'

/** What the cookies of one request have told. */
export interface CookieVisit {
  letter: CookieLetter
  /** The row of the server that they name and that may be used, or -1. */
  row: number
  /** Dates of the cookie, in seconds since 1970; 0 for none. */
  lastSec: number
  firstSec: number
  /** Whether the response may set a cookie: `postonly`, `ignore-persist`. */
  maySet: boolean
}

/** A server that has a session. */
export interface NamedByCookie {
  /** -1: there is none. */
  readonly row: number
  /** What named it when the session came to it; null: nothing. */
  readonly value: string | null
}

/** Header lines that can be put in the place of others. */
export interface LineEdits {
  /**
   * Puts what becomes of each value in the place of all lines that have this name; nothing is
   * touched where all stay as they are.
   *
   * @param edit gives null for a line that is to go
   */
  editHeader(name: HeaderName, edit: (value: string) => string | null): void
}

/** A request whose cookies are read and edited. */
export type CookieRequest = RequestFacts & LineEdits

/** A response in which cookies are set. */
export type CookieResponse = HeaderFacts & HeaderEdits & LineEdits

/** How a request is to be taken. */
export interface VisitTerms {
  /** The cookie is not followed: `ignore-persist`. */
  readonly isIgnored: boolean
  /** Whether the server of this row may be used. */
  readonly isUsable: (row: number) => boolean
  /** Seconds since 1970. */
  readonly nowSec: number
}

const COOKIE: HeaderName = { written: 'Cookie', lower: 'cookie' }
const SET_COOKIE: HeaderName = { written: 'Set-Cookie', lower: 'set-cookie' }
const CACHE_CONTROL: HeaderName = { written: 'Cache-Control', lower: 'cache-control' }
/** Between what names the server and the application's own value, in mode prefix. */
const PREFIX_MARK = '~'
/** Dates that are further ahead are not believed; HAProxy's bound, for clocks that are set right. */
const AHEAD_SEC_MAX = 86_400
/** Hexadecimal digits of a value that is made from an address, as many as HAProxy's. */
const DYNAMIC_DIGITS = 16
const RESTRICTED = /(^|[,\s])(private|no-cache|no-store|max-age=0|s-maxage=0)\s*(,|$)/i

/**
 * The cookie of a backend, by which clients come back to their server. HAProxy configuration
 * manual, cookie.
 */
export class CookiePersistence {
  readonly #config: CookieConfig
  /** By the values that name them: some servers have none, and several may share one. */
  readonly #servers: RowsByKey<string>

  constructor(config: CookieConfig, servers: readonly PlannedServer[]) {
    this.#config = config
    this.#servers = new RowsByKey(servers, (server) => {
      return server.cookie ?? dynamicValue(server, config.dynamicKey)
    })
  }

  /** @param servers all that there are after the change, in the order of the config */
  change(change: BackendServersChange, servers: readonly UpstreamServer[]): void {
    this.#servers.change(change, servers)
  }

  /** What names the server of a row; null where nothing does. */
  valueOf(row: number): string | null {
    return this.#servers.keyOf(row) ?? null
  }

  /** Whether there is anything to tell of it in the log: HAProxy leaves passive cookies out. */
  get isTold(): boolean {
    return this.#config.mode !== 'passive'
  }

  /** Follows the cookie of a request, and takes out of it what the server is not to see. */
  read(request: CookieRequest, terms: VisitTerms): CookieVisit {
    const { name, mode, indirect, postonly } = this.#config
    const maySet = !terms.isIgnored && (!postonly || request.method === 'POST')
    const visit: CookieVisit = { letter: 'N', row: -1, lastSec: 0, firstSec: 0, maySet }
    const isHidden = mode === 'insert' && indirect
    request.editHeader(COOKIE, (text) => {
      // Put together as it is read: a client may send thousands of them in one line.
      let edited = ''
      let from = 0
      let place = findCookie(text, name)
      for (; place !== null; place = findCookie(text, name, place.end + 1)) {
        const value = cookieValue(text, place)
        this.#follow(value, terms, visit)
        if (mode !== 'prefix') continue
        edited += text.slice(from, place.valueStart) + value.slice(value.indexOf(PREFIX_MARK) + 1)
        from = place.valueEnd
      }
      if (!isHidden) return edited + text.slice(from)
      const left = withoutCookie(text, name)
      return left === '' && text !== '' ? null : left
    })
    return visit
  }

  /**
   * Sets, changes or removes the cookie in a response.
   *
   * @param server the one that has given it
   */
  respond(
    response: CookieResponse,
    server: NamedByCookie,
    visit: CookieVisit,
    nowSec: number,
  ): SetCookieLetter {
    const found = this.#editServerCookies(response, server, visit)
    const { mode, preserve } = this.#config
    if (mode !== 'insert' || !visit.maySet || (found !== 'N' && preserve)) return found
    const { row, value } = server
    const isSame = row === visit.row
    if (isSame && !this.#isDateStale(visit, nowSec)) return found
    response.addHeader(SET_COOKIE, this.#setCookie(value ?? '', visit, nowSec))
    if (this.#config.nocache) forbidCaching(response)
    return isSame && value !== null ? 'U' : 'I'
  }

  #follow(text: string, terms: VisitTerms, visit: CookieVisit): void {
    if (visit.row >= 0) return
    const cookie = this.#parse(text)
    const lateness = this.#lateness(cookie, terms.nowSec)
    if (lateness !== null) {
      visit.letter = lateness
      return
    }
    visit.lastSec = cookie.lastSec
    visit.firstSec = cookie.firstSec
    if (terms.isIgnored) {
      visit.letter = 'U'
      return
    }
    const rows = this.#servers.rowsOf(cookie.server)
    const row = rows.find(terms.isUsable)
    if (row !== undefined) visit.row = row
    if (row !== undefined) visit.letter = 'V'
    else if (rows.length > 0) visit.letter = 'D'
    else if (visit.letter === 'N') visit.letter = 'I'
  }

  #parse(text: string): DatedCookie {
    if (this.#config.mode !== 'prefix') return readDatedCookie(text)
    const [server = ''] = text.split(PREFIX_MARK, 1)
    return { server, lastSec: 0, firstSec: 0 }
  }

  #lateness({ firstSec, lastSec }: DatedCookie, nowSec: number): 'E' | 'O' | null {
    const { maxLifeSec, maxIdleSec } = this.#config
    if (maxLifeSec > 0 && isOutside(firstSec, maxLifeSec, nowSec)) return 'O'
    return maxIdleSec > 0 && isOutside(lastSec, maxIdleSec, nowSec) ? 'E' : null
  }

  /** Whether a cookie that holds has to be written anew for its dates. */
  #isDateStale({ firstSec, lastSec }: CookieVisit, nowSec: number): boolean {
    const { maxLifeSec, maxIdleSec } = this.#config
    if (maxIdleSec > 0 || lastSec > 0) {
      if (lastSec < nowSec) return true
    }
    return maxLifeSec > 0 !== firstSec > 0
  }

  #setCookie(value: string, { firstSec }: CookieVisit, nowSec: number): string {
    const { name, maxIdleSec, maxLifeSec, domains, httponly, secure, attributes } = this.#config
    const isDated = value !== '' && maxIdleSec + maxLifeSec > 0
    const dates = { lastSec: nowSec, firstSec: maxLifeSec > 0 ? firstSec || nowSec : 0 }
    const text = isDated ? datedCookieText({ server: value, ...dates }) : value
    return setCookieText(name, text, { domains, httponly, secure, others: attributes })
  }

  #editServerCookies(
    response: CookieResponse,
    { row, value }: NamedByCookie,
    visit: CookieVisit,
  ): SetCookieLetter {
    const { name, mode, indirect, preserve } = this.#config
    const isDeleted = !preserve && (mode === 'insert' || (indirect && row === visit.row))
    let letter: SetCookieLetter = 'N'
    response.editHeader(SET_COOKIE, (text) => {
      const place = findSetCookie(text, name)
      if (place === null) return text
      letter = 'P'
      if (isDeleted) {
        letter = 'D'
        return null
      }
      if (preserve || value === null || mode === 'passive' || mode === 'insert') return text
      letter = 'R'
      const rest = mode === 'prefix' ? PREFIX_MARK + cookieValue(text, place) : ''
      return withCookieValue(text, place, value + rest)
    })
    return letter
  }
}

function isOutside(dateSec: number, lifeSec: number, nowSec: number): boolean {
  return dateSec > 0 && (nowSec - dateSec > lifeSec || dateSec - nowSec > AHEAD_SEC_MAX)
}

function dynamicValue({ address }: PlannedServer, secret: string | null): string | null {
  if (secret === null) return null
  const hmac = nodeCrypto().createHmac('sha256', secret).update(formatAddress(address))
  return hmac.digest('hex').slice(0, DYNAMIC_DIGITS)
}

/**
 * Caches that keep cookies would give one client's to others. RFC 9111 section 3 lets them keep
 * nearly everything, so that every response is marked that does not forbid it already.
 */
function forbidCaching(response: CookieResponse): void {
  const { lower } = CACHE_CONTROL
  for (let at = response.findHeader(lower, 0); at >= 0; at = response.findHeader(lower, at + 1)) {
    if (RESTRICTED.test(response.headerValue(at))) return
  }
  response.addHeader(CACHE_CONTROL, 'private')
}
