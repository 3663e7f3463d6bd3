import type { TlsFacts } from '../../../src/net/conn.ts'
import type {
  HeaderName,
  RequestFacts,
  RequestHeadEdits,
  ResponseFacts,
} from '../../../src/rules/facts.ts'
import { RuleScope } from '../../../src/rules/rule-scope.ts'

/** What a message in a test has; the rest is filled in. */
interface Written {
  /** `METHOD TARGET`; default `GET /`. */
  readonly line?: string
  readonly status?: number
  /** Lines as `Name: value`. */
  readonly headers?: readonly string[]
  readonly src?: string
  readonly tls?: TlsFacts
}

/** A message as rules see and change it: facts and edits over one list of header lines. */
export class Message implements RequestFacts, RequestHeadEdits, ResponseFacts {
  readonly method: string
  url: string
  readonly status: number
  readonly version = '1.1'
  body = ''
  readonly src: string
  readonly srcPort = 50_000
  readonly dst = '192.0.2.1'
  readonly dstPort = 8080
  readonly frontendName = 'web'
  readonly tls: TlsFacts | null
  scope = new RuleScope({ method: 'PUT', target: '/received?a', version: '1.1' }, null)
  failedRewrites = 0
  #headers: { name: string; value: string }[]

  constructor(written: Written = {}) {
    const [method = '', url = ''] = (written.line ?? 'GET /').split(' ')
    this.method = method
    this.url = url
    this.status = written.status ?? 200
    this.src = written.src ?? '127.0.0.1'
    this.tls = written.tls ?? null
    this.#headers = (written.headers ?? []).map((line) => {
      const colon = line.indexOf(':')
      return { name: line.slice(0, colon), value: line.slice(colon + 1).trim() }
    })
  }

  get pathq(): string | null {
    const path = this.url.replace(/^https?:\/\/[^/?]*/, '')
    return path.startsWith('/') ? path : null
  }

  /** The header lines as `Name: value`. */
  get lines(): string[] {
    return this.#headers.map(({ name, value }) => `${name}: ${value}`)
  }

  findHeader(name: string, from: number): number {
    return this.#headers.findIndex((header, i) => i >= from && header.name.toLowerCase() === name)
  }

  headerValue(index: number): string {
    return this.#headers[index]!.value
  }

  setHeader(name: HeaderName, value: string): void {
    this.removeHeader(name)
    this.addHeader(name, value)
  }

  addHeader(name: HeaderName, value: string): void {
    this.#headers.push({ name: name.written, value })
  }

  removeHeader({ lower }: HeaderName): void {
    this.#headers = this.#headers.filter(({ name }) => name.toLowerCase() !== lower)
  }

  failRewrite(): void {
    this.failedRewrites++
  }

  setPathq(pathq: string): void {
    this.url = pathq
  }
}
