import type { AgreedBackend } from './commands.ts'

/** The servers and backends that a config text names. Never changed. */
export class Catalogue {
  /** `backend/server`, in the order of the text. */
  readonly servers: readonly string[]
  readonly backends: readonly AgreedBackend[]
  readonly #servers: ReadonlySet<string>
  readonly #backends: ReadonlyMap<string, AgreedBackend>

  constructor(servers: readonly string[], backends: readonly AgreedBackend[]) {
    this.servers = servers
    this.backends = backends
    this.#servers = new Set(servers)
    this.#backends = new Map(backends.map((backend) => [backend.name, backend]))
  }

  /** @param key `backend/server` */
  hasServer(key: string): boolean {
    return this.#servers.has(key)
  }

  /** Undefined: the text names none of this name. */
  backend(name: string): AgreedBackend | undefined {
    return this.#backends.get(name)
  }
}

/** What no text names. */
export const EMPTY_CATALOGUE: Catalogue = new Catalogue([], [])
