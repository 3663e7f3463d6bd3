import type { BackendConfig, ServerConfig } from '../../model/config.ts'

/**
 * Backends and servers that are handed from thread to thread in one message. The thread that takes
 * 10,000 of them at once does nothing else for 80 ms, and 250 take it 2.
 */
const SLICE_ENTRIES_MAX = 250

/** A backend with the first of its servers, or more servers of the one before. */
export interface BackendPart {
  /** Null: of the backend of the part before. */
  readonly head: Omit<BackendConfig, 'servers'> | null
  readonly servers: readonly ServerConfig[]
}

/** Some of the backends of a config, in their order. */
export type ConfigSlice = readonly BackendPart[]

/** Cuts backends into slices, each of {@link SLICE_ENTRIES_MAX} entries at most. */
export function* slicesOf(backends: readonly BackendConfig[]): Generator<ConfigSlice, void> {
  let parts: BackendPart[] = []
  let room = SLICE_ENTRIES_MAX
  for (const { servers, ...head } of backends) {
    let taken = 0
    do {
      if (room <= 1) {
        yield parts
        parts = []
        room = SLICE_ENTRIES_MAX
      }
      const part = servers.slice(taken, taken + room - 1)
      parts.push({ head: taken === 0 ? head : null, servers: part })
      taken += part.length
      room -= part.length + 1
    } while (taken < servers.length)
  }
  if (parts.length > 0) yield parts
}

/** Puts slices together again. */
export class BackendAssembly {
  readonly #backends: (BackendConfig & { readonly servers: ServerConfig[] })[] = []

  add(slice: ConfigSlice): void {
    for (const { head, servers } of slice) {
      if (head !== null) this.#backends.push({ ...head, servers: [...servers] })
      else this.#backends.at(-1)?.servers.push(...servers)
    }
  }

  /** All that was added. */
  get backends(): readonly BackendConfig[] {
    return this.#backends
  }
}
