/**
 * Backends and servers that are handed from thread to thread in one message. The thread that takes
 * or gives 10,000 of them at once does nothing else for 80 ms, and 500 take it 4. Fewer are more
 * often waited for, which on a busy machine costs more than they do.
 */
const SLICE_ENTRIES_MAX = 500

/** A backend of a config or of a plan. */
interface WithServers {
  readonly servers: readonly unknown[]
}

/** A backend with the first of its servers, or more servers of the one before. */
export interface BackendPart<B extends WithServers> {
  /** Null: of the backend of the part before. */
  readonly head: Omit<B, 'servers'> | null
  readonly servers: B['servers']
}

/** Some of the backends of a config or a plan, in their order. */
export type BackendSlice<B extends WithServers> = readonly BackendPart<B>[]

/** Cuts backends into slices, each of {@link SLICE_ENTRIES_MAX} entries at most. */
export function* slicesOf<B extends WithServers>(
  backends: readonly B[],
): Generator<BackendSlice<B>, void> {
  let parts: BackendPart<B>[] = []
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
export class BackendAssembly<B extends WithServers> {
  #backends: { servers: unknown[] }[] = []

  add(slice: BackendSlice<B>): void {
    for (const { head, servers } of slice) {
      if (head !== null) this.#backends.push({ ...head, servers: [...servers] })
      else this.#backends.at(-1)?.servers.push(...servers)
    }
  }

  /** All that was added since it was taken last. */
  take(): readonly B[] {
    const backends = this.#backends
    this.#backends = []
    return backends as unknown as readonly B[]
  }
}
