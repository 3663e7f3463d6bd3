import type { TlsFacts } from '../net/conn.ts'
import type { HelloReading } from '../net/tls/client-hello.ts'
import type { RuleScope } from './rule-scope.ts'

/**
 * What rules can ask of a client's connection. Whoever runs the rules implements it on what it has
 * anyway; nothing is asked before a rule needs it.
 */
export interface SessionFacts {
  /** The client's IP address as text, '' where there is none (Unix socket). */
  readonly src: string
  /** The client's port, 0 where there is none. */
  readonly srcPort: number
  /** Our own IP address on the client's connection, '' where there is none. */
  readonly dst: string
  readonly dstPort: number
  readonly frontendName: string
  /** Of the client's connection; null: it is not encrypted. */
  readonly tls: TlsFacts | null
  /** What rules keep for rules that come later. */
  readonly scope: RuleScope
}

/**
 * What rules can ask of a connection in `mode tcp` whose client has begun to send. What needs more
 * than has come says so by {@link isMissing}, and finds nothing.
 */
export interface ContentFacts extends SessionFacts {
  /** All that has come, read as the beginning of TLS. */
  readonly hello: HelloReading
  /** Nothing more is waited for: what has not come is not there. */
  readonly isFinal: boolean
  isMissing: boolean
}

/**
 * The header lines of a message, numbered from 0 in the order received. The host that only the
 * target of a request names is a line, too.
 */
export interface HeaderFacts {
  /**
   * The first line at or after `from` that has this name.
   *
   * @param name in lower case
   * @returns its number, or -1
   */
  findHeader(name: string, from: number): number
  /** The value of a line that {@link findHeader} found, without outer white space; latin1. */
  headerValue(index: number): string
}

/**
 * What rules can ask of a request. Must tell what earlier rules have made of it: an edit shows in
 * the facts at once. All text is latin1, one character a byte.
 */
export interface RequestFacts extends SessionFacts, HeaderFacts {
  readonly method: string
  /** The request target as received. RFC 9112 section 3.2. */
  readonly url: string
  /** Path with query in origin form, or null for a request that has none (`*`, CONNECT). */
  readonly pathq: string | null
  /** `1.0` or `1.1`. */
  readonly version: string
  /** The body as far as a rule has waited for it, without the framing of chunks; '' before. */
  readonly body: string
}

/** What rules can ask of a response. */
export interface ResponseFacts extends SessionFacts, HeaderFacts {
  readonly status: number
  /** `1.0` or `1.1`. */
  readonly version: string
}

/** A header name as it is written into a message, and as it is looked for. */
export interface HeaderName {
  readonly written: string
  readonly lower: string
}

/**
 * What rules change in the headers of a message. Values are checked before: they hold no control
 * character but HTAB (RFC 9110 section 5.5).
 */
export interface HeaderEdits {
  /** Puts one line in the place of all that have this name. */
  setHeader(name: HeaderName, value: string): void
  /** Adds a line after the others. */
  addHeader(name: HeaderName, value: string): void
  /** Removes every line that has this name. */
  removeHeader(name: HeaderName): void
  /** A value could not stand where a rule would put it, and was left out; to be counted. */
  failRewrite(): void
}

/** What rules change in a request. */
export interface RequestHeadEdits extends HeaderEdits {
  /** Puts a path with query, in origin form, in the place of the request's own. */
  setPathq(pathq: string): void
}
