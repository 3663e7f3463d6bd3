import { lookup } from 'node:dns/promises'
import type { DaemonLog } from '../telemetry/daemon-log.ts'

/** Every name is looked up again after so long. HAProxy's `hold valid`. */
const INTERVAL_MS = 10_000

/** A look-up that has failed is repeated after so long, then after twice as long each time. */
const RETRY_MIN_MS = 1_000

/** The longest wait of a name that has an address; one that has none waits {@link INTERVAL_MS}. */
const RETRY_MAX_MS = 60_000

/**
 * Look-ups at once. They block a thread of libuv's pool, of which it lends half of the usual four
 * to them: with more, those of the names that matter would wait behind the others there.
 */
const LOOKUPS_MAX = 2

/** All addresses of a host name, in the system's order. Fails where it has none. */
export type Lookup = (name: string) => Promise<readonly string[]>

/** What names are resolved with. */
export interface NameResolutionOptions {
  /** Default: getaddrinfo(3), which reads /etc/hosts too. */
  readonly lookup?: Lookup
  /** Addresses that names had in an earlier run (`init-addr last`). */
  readonly last?: ReadonlyMap<string, string>
  readonly log: DaemonLog
}

interface Name {
  readonly name: string
  /** What was found last; a look-up that fails takes it from nobody. Null: nothing yet. */
  address: string | null
  /** Failed look-ups in a row. */
  failures: number
  /** The look-up that is waited for or under way. */
  pending: { readonly done: Promise<void>; readonly settle: () => void } | null
  timer: NodeJS.Timeout | undefined
}

/**
 * The addresses of the host names that servers have: looked up when a config is prepared, and again
 * and again in the background. An address that is still among those that are found stays, so that
 * a name of several servers does not make a server wander.
 */
export class NameResolution {
  /** Some name has got another address. To be set by who acts on it. */
  onMove: () => void = () => {}
  readonly #lookup: Lookup
  readonly #last: ReadonlyMap<string, string>
  readonly #log: DaemonLog
  readonly #names = new Map<string, Name>()
  #watched: ReadonlySet<string> = new Set()
  #held: ReadonlySet<string> = new Set()
  /** Names whose look-up waits for its turn: each is there once at most. */
  readonly #waiting: Name[] = []
  #lookups = 0
  #isStopped = false

  constructor({ lookup: find = lookupHost, last = new Map(), log }: NameResolutionOptions) {
    this.#lookup = find
    this.#last = last
    this.#log = log
  }

  /** What a look-up of this run has found; null: none has yet. */
  found(name: string): string | null {
    return this.#names.get(name)?.address ?? null
  }

  /** What {@link found} says, or else what the name had in an earlier run. */
  last(name: string): string | null {
    return this.found(name) ?? this.#last.get(name) ?? null
  }

  /** What {@link last} says of each name that is watched, for the next run. */
  lastOfAll(): [string, string][] {
    return [...this.#watched].flatMap((name) => {
      const address = this.last(name)
      return address === null ? [] : [[name, address] as [string, string]]
    })
  }

  /** Looks names up now; resolves when each has been found or not. */
  async lookUp(names: Iterable<string>): Promise<void> {
    await Promise.all([...names].map((name) => this.#begin(this.#of(name))))
  }

  /** These names are looked up again from now on, and no others. */
  watch(names: ReadonlySet<string>): void {
    this.#watched = names
    this.#forgetOthers()
    for (const key of names) this.#schedule(this.#of(key))
  }

  /**
   * What was found of these names is kept beside that of the watched ones, for a config that is
   * about to run; of earlier ones no longer.
   */
  hold(names: ReadonlySet<string>): void {
    this.#held = names
    this.#forgetOthers()
  }

  /** Looks up no more. */
  stop(): void {
    this.#isStopped = true
    for (const { timer } of this.#names.values()) clearTimeout(timer)
  }

  #forgetOthers(): void {
    for (const [key, name] of this.#names) {
      if (this.#watched.has(key)) continue
      clearTimeout(name.timer)
      name.timer = undefined
      if (!this.#held.has(key)) this.#names.delete(key)
    }
  }

  #of(key: string): Name {
    const known = this.#names.get(key)
    if (known !== undefined) return known
    const name = { name: key, address: null, failures: 0, pending: null, timer: undefined }
    this.#names.set(key, name)
    return name
  }

  #schedule(name: Name): void {
    if (this.#isStopped || name.pending !== null || name.timer !== undefined) return
    if (!this.#watched.has(name.name)) return
    name.timer = setTimeout(() => {
      name.timer = undefined
      void this.#begin(name)
    }, delayMs(name))
  }

  #begin(name: Name): Promise<void> {
    if (name.pending === null) {
      let settle = (): void => {}
      const done = new Promise<void>((resolve) => {
        settle = resolve
      })
      name.pending = { done, settle }
      this.#waiting.push(name)
      this.#next()
    }
    return name.pending.done
  }

  #next(): void {
    while (this.#lookups < LOOKUPS_MAX) {
      const name = this.#waiting.shift()
      if (name === undefined) return
      this.#lookups++
      void this.#look(name)
    }
  }

  async #look(name: Name): Promise<void> {
    try {
      const [first, ...others] = await this.#lookup(name.name)
      if (first === undefined) this.#notFound(name, 'it has no address')
      else this.#isFound(name, [first, ...others])
    } catch (error) {
      this.#notFound(name, String((error as NodeJS.ErrnoException).code ?? error))
    }
    this.#lookups--
    name.pending?.settle()
    name.pending = null
    this.#schedule(name)
    this.#next()
  }

  #isFound(name: Name, [first, ...others]: readonly [string, ...string[]]): void {
    const previous = name.address
    const hadFailed = name.failures > 0
    name.failures = 0
    const address = previous !== null && others.includes(previous) ? previous : first
    name.address = address
    if (this.#isStopped || (address === previous && !hadFailed)) return
    // That a name is found at once is nothing to tell.
    if (previous !== null || hadFailed) {
      const message = `the host name ${name.name} has the address ${address}`
      this.#log.info('name-resolved', message, { name: name.name, address, previous })
    }
    if (address !== previous) this.onMove()
  }

  #notFound(name: Name, reason: string): void {
    name.failures++
    if (name.failures > 1 || this.#isStopped) return
    const address = this.last(name.name)
    const so = address === null ? 'it has no address' : `it keeps the address ${address}`
    const message = `the host name ${name.name} cannot be resolved (${reason}): ${so}`
    this.#log.warn('name-unresolved', message, { name: name.name, address, reason })
  }
}

function delayMs({ address, failures }: Name): number {
  if (failures === 0) return INTERVAL_MS
  const retryMs = RETRY_MIN_MS * 2 ** Math.min(failures - 1, 10)
  return Math.min(retryMs, address === null ? INTERVAL_MS : RETRY_MAX_MS)
}

async function lookupHost(name: string): Promise<string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address)
}
