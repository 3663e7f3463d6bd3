import { serverId } from '../../balance/structures/hashing.ts'
import { assert } from '../../base/errors.ts'
import type { BackendServersChange } from '../../model/servers-change.ts'
import { maySpeakH2, type UpstreamServer } from '../servers/upstream-server.ts'

/** The servers of a backend in the order of the config, and what follows from which they are. */
export class PoolServers {
  /** Replaced with each change, never changed. */
  list: readonly UpstreamServer[]
  /**
   * What the name of each makes, beside {@link list}: the same in every thread, node and run. Of two
   * names that make the same, the later one takes the next. Replaced with each change.
   */
  ids: Uint32Array
  /** A server bounds its sessions (`maxconn`, or its agent may). */
  isLimited = false
  /** A server speaks HTTP/2, or may choose to. */
  speaksH2 = false
  /** A server is a backup. */
  hasBackups = false
  /** The weights of all, as configured. */
  weightTotal = 0
  readonly #byRow: Map<number, UpstreamServer>
  /** What the names make. */
  #hashes: Set<number>

  constructor(servers: readonly UpstreamServer[]) {
    const hashes = hashesOf(servers)
    this.list = servers
    this.#byRow = new Map(servers.map((server) => [server.plan.row, server]))
    this.#hashes = new Set(hashes)
    this.ids = this.#hashes.size === servers.length ? hashes : distinct(hashes)
    this.#sum()
  }

  /** The server of a row. */
  at(row: number): UpstreamServer | undefined {
    return this.#byRow.get(row)
  }

  /**
   * Changes them. All that is touched once for every server is an array of numbers or of references:
   * of 10,000 servers one is changed in less than a millisecond.
   *
   * @param made a server for each that is placed
   */
  change({ removed, placed }: BackendServersChange, made: readonly UpstreamServer[]): void {
    const wereAlike = this.#hashes.size < this.list.length
    const gone = new Set(removed)
    for (const { server } of placed) gone.add(server.row)
    for (const row of gone) {
      const known = this.#byRow.get(row)
      if (known !== undefined) this.#hashes.delete(serverId(known.plan.name))
      this.#byRow.delete(row)
    }
    for (const server of made) {
      this.#hashes.add(serverId(server.plan.name))
      this.#byRow.set(server.plan.row, server)
    }
    const stay = this.list.filter(({ plan }) => !gone.has(plan.row))
    this.list = withPlaced(stay, placed, made)
    const hashes = hashesOf(this.list)
    // Where names are alike, that one is gone does not say that its hash is.
    if (wereAlike) this.#hashes = new Set(hashes)
    this.ids = this.#hashes.size === hashes.length ? hashes : distinct(hashes)
    this.#sum()
  }

  #sum(): void {
    this.isLimited = false
    this.hasBackups = false
    this.speaksH2 = false
    this.weightTotal = 0
    for (const { plan } of this.list) {
      if (maySpeakH2(plan)) this.speaksH2 = true
      if (plan.maxconn > 0 || plan.agent !== null) this.isLimited = true
      if (plan.backup) this.hasBackups = true
      this.weightTotal += plan.weight
    }
  }
}

/** Puts servers among others, each where it is said to stand in the end. */
function withPlaced(
  stay: readonly UpstreamServer[],
  placed: BackendServersChange['placed'],
  made: readonly UpstreamServer[],
): UpstreamServer[] {
  const list: UpstreamServer[] = []
  let next = 0
  for (let kept = 0; ; kept++) {
    for (; placed[next]?.place === list.length; next++) list.push(made[next] as UpstreamServer)
    if (kept === stay.length) break
    list.push(stay[kept] as UpstreamServer)
  }
  assert(next === made.length, 'a server was placed behind the end of its backend')
  return list
}

function hashesOf(servers: readonly UpstreamServer[]): Uint32Array {
  const hashes = new Uint32Array(servers.length)
  for (let i = 0; i < hashes.length; i++) {
    hashes[i] = serverId((servers[i] as UpstreamServer).plan.name)
  }
  return hashes
}

/** Of two that are the same, the later one takes the next that is free. */
function distinct(hashes: Uint32Array): Uint32Array {
  const taken = new Set<number>()
  return hashes.map((hash) => {
    let id = hash
    while (taken.has(id)) id = (id + 1) >>> 0
    taken.add(id)
    return id
  })
}
