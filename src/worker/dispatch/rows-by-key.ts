import type { PlannedServer } from '../../model/plan.ts'
import type { BackendServersChange } from '../../model/servers-change.ts'
import type { UpstreamServer } from '../servers/upstream-server.ts'

/** Which servers of a backend something stands for, such as the value of a cookie, and the reverse. */
export class RowsByKey<K> {
  readonly #keyOf: (server: PlannedServer) => K | null
  readonly #keys = new Map<number, K>()
  readonly #rows = new Map<K, number[]>()

  /**
   * @param servers in the order of the config
   * @param keyOf what stands for a server, and for its name and address alone; null: nothing
   */
  constructor(servers: readonly PlannedServer[], keyOf: (server: PlannedServer) => K | null) {
    this.#keyOf = keyOf
    for (const server of servers) this.#add(server)
  }

  /** What stands for the server of a row. */
  keyOf(row: number): K | undefined {
    return this.#keys.get(row)
  }

  /** The servers that a key stands for, in the order of the config. */
  rowsOf(key: K): readonly number[] {
    return this.#rows.get(key) ?? []
  }

  /** @param servers all that there are after the change, in the order of the config */
  change({ removed, placed }: BackendServersChange, servers: readonly UpstreamServer[]): void {
    for (const row of removed) this.#remove(row)
    for (const { server } of placed) this.#remove(server.row)
    for (const { server } of placed) {
      const rows = this.#add(server)
      // Few servers, if any, share a key.
      if (rows.length > 1) putInOrder(rows, servers)
    }
  }

  #add(server: PlannedServer): number[] {
    const key = this.#keyOf(server)
    if (key === null) return []
    this.#keys.set(server.row, key)
    const rows = this.#rows.get(key) ?? []
    rows.push(server.row)
    this.#rows.set(key, rows)
    return rows
  }

  #remove(row: number): void {
    const key = this.#keys.get(row)
    if (key === undefined) return
    this.#keys.delete(row)
    const left = this.rowsOf(key).filter((other) => other !== row)
    if (left.length === 0) this.#rows.delete(key)
    else this.#rows.set(key, left)
  }
}

function putInOrder(rows: number[], servers: readonly UpstreamServer[]): void {
  const wanted = new Set(rows)
  let next = 0
  for (const { plan } of servers) if (wanted.has(plan.row)) rows[next++] = plan.row
}
