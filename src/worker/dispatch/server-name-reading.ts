import type { UpstreamServer } from '../servers/upstream-server.ts'
import type { ServerNames } from '../servers/upstream-tls.ts'

/** Reads a name out of the facts of a session or request; null where there is none. */
type ReadName<F> = (facts: F) => string | null

/**
 * What the servers of a backend are asked for in TLS, where expressions say it (`sni`): read once for
 * each session or request, while its head is at hand.
 */
export class ServerNameReading<F> {
  readonly #compile: (text: string) => ReadName<F>
  readonly #isNeeded: boolean
  /** By the expression. */
  #expressions: readonly (readonly [text: string, read: ReadName<F>])[] = []

  /**
   * @param compile throws `config-invalid` for what is no expression
   * @param isNeeded false: the backend is in another mode, and nothing is ever read
   */
  constructor(
    compile: (text: string) => ReadName<F>,
    isNeeded: boolean,
    servers: readonly UpstreamServer[],
  ) {
    this.#compile = compile
    this.#isNeeded = isNeeded
    this.follow(servers)
  }

  /** @param servers all that the backend has from now on */
  follow(servers: readonly UpstreamServer[]): void {
    if (!this.#isNeeded) return
    const texts = new Set<string>()
    for (const { plan } of servers) {
      const { trafficTls } = plan
      if (trafficTls?.sni?.kind === 'expression') texts.add(trafficTls.sni.text)
    }
    this.#expressions = [...texts].map((text) => [text, this.#compile(text)])
  }

  /** Null where no server has an expression, which costs nothing. */
  read(facts: F): ServerNames | null {
    if (this.#expressions.length === 0) return null
    return new Map(this.#expressions.map(([text, read]) => [text, read(facts)]))
  }
}
