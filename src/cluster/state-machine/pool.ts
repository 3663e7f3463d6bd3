import { POOL_ENTRIES_MAX } from './bounds.ts'
import type { Catalogue } from './catalogue.ts'
import { type Refusal, refusal } from './command-outcomes.ts'
import type { AddServer, RemoveServer, ServerSettingName, SetServer } from './commands.ts'
import type { PoolEntry } from './state.ts'

const NOTHING_SET: Pick<PoolEntry, 'address' | 'state' | 'weight'> = {
  address: null,
  state: null,
  weight: null,
}

/** What was set of servers at run time, laid over what the config says. */
export class Pool {
  /** By `backend/server`, in the order in which they were first set. */
  readonly #entries: Map<string, PoolEntry>
  #list: readonly PoolEntry[] | null = null

  constructor(entries: readonly PoolEntry[] = []) {
    this.#entries = new Map(entries.map((entry) => [keyOf(entry), entry]))
  }

  /** In the order in which they were first set; replaced, never changed. */
  get entries(): readonly PoolEntry[] {
    this.#list ??= [...this.#entries.values()]
    return this.#list
  }

  /** @param key `backend/server` */
  hasAdded(key: string): boolean {
    return this.#entries.get(key)?.isAdded ?? false
  }

  /** @returns null: it is done */
  add({ backend, server, address, weight }: AddServer, catalogue: Catalogue): Refusal | null {
    const key = `${backend}/${server}`
    if (catalogue.backend(backend) === undefined) {
      return refusal('backend-unknown', `there is no backend ${backend}`)
    }
    if (catalogue.hasServer(key)) {
      return refusal('server-exists', `server ${key} is in the config`)
    }
    if (this.#entries.has(key)) return refusal('server-exists', `there is a server ${key} already`)
    if (this.#entries.size >= POOL_ENTRIES_MAX) return full()
    this.#put({ backend, server, isAdded: true, address, state: null, weight })
    return null
  }

  /** @returns null: it is done; true: it was so before */
  set(command: SetServer, catalogue: Catalogue): Refusal | boolean {
    const { backend, server } = command
    const key = `${backend}/${server}`
    const known = this.#entries.get(key)
    if (known === undefined && !catalogue.hasServer(key)) {
      return refusal('server-unknown', `there is no server ${key}`)
    }
    if (known?.isAdded === true && command.unset.includes('address')) {
      return refusal('change-invalid', `server ${key} was added: no config says its address`)
    }
    const entry = known ?? { backend, server, isAdded: false, ...NOTHING_SET }
    const next = changed(entry, command)
    if (isSame(entry, next)) return false
    if (saysNothing(next)) {
      this.#delete(key)
      return true
    }
    if (known === undefined && this.#entries.size >= POOL_ENTRIES_MAX) return full()
    this.#put(next)
    return true
  }

  /** @returns null: it is done */
  remove({ backend, server }: RemoveServer, catalogue: Catalogue): Refusal | null {
    const key = `${backend}/${server}`
    if (this.hasAdded(key)) {
      this.#delete(key)
      return null
    }
    return catalogue.hasServer(key)
      ? refusal('server-configured', `server ${key} is in the config`)
      : refusal('server-unknown', `there is no server ${key}`)
  }

  /**
   * Another text is active. What was set of servers that it does not name is forgotten, and servers
   * that were added to backends that it does not name. A server that was added and that it names now
   * is as it says, but one that was taken out of use stays out.
   */
  follow(catalogue: Catalogue): void {
    for (const [key, entry] of this.#entries) {
      const next = afterActivation(key, entry, catalogue)
      if (next === entry) continue
      if (next === null) this.#entries.delete(key)
      else this.#entries.set(key, next)
      this.#list = null
    }
  }

  #put(entry: PoolEntry): void {
    this.#entries.set(keyOf(entry), entry)
    this.#list = null
  }

  #delete(key: string): void {
    this.#entries.delete(key)
    this.#list = null
  }
}

/** What the command neither sets nor unsets stays. */
function changed(entry: PoolEntry, command: SetServer): PoolEntry {
  const { state, weight, address, unset } = command
  const after = <T>(name: ServerSettingName, given: T | undefined, before: T | null): T | null =>
    unset.includes(name) ? null : (given ?? before)
  return {
    ...entry,
    address: after('address', address, entry.address),
    state: after('state', state, entry.state),
    weight: after('weight', weight, entry.weight),
  }
}

/** The server is as the config has it. */
function saysNothing({ isAdded, address, state, weight }: PoolEntry): boolean {
  return !isAdded && address === null && state === null && weight === null
}

/** @returns null: it says nothing any more */
function afterActivation(key: string, entry: PoolEntry, catalogue: Catalogue): PoolEntry | null {
  const isConfigured = catalogue.hasServer(key)
  if (!entry.isAdded) return isConfigured ? entry : null
  if (!isConfigured) return catalogue.backend(entry.backend) === undefined ? null : entry
  return entry.state === null || entry.state === 'ready'
    ? null
    : { ...entry, isAdded: false, address: null, weight: null }
}

function isSame(entry: PoolEntry, next: PoolEntry): boolean {
  return (
    entry.address === next.address && entry.state === next.state && entry.weight === next.weight
  )
}

function full(): Refusal {
  return refusal('pool-full', `${POOL_ENTRIES_MAX} servers are set at run time already`)
}

function keyOf({ backend, server }: PoolEntry): string {
  return `${backend}/${server}`
}
