import { serverId } from '../../balance/structures/hashing.ts'
import { shortestAddress } from '../../base/ip-address.ts'
import { addressIn } from '../../base/networks.ts'
import { StickTable } from '../../memory/stick-table.ts'
import type { StickTableConfig } from '../../model/persistence-config.ts'
import type { PlannedServer } from '../../model/plan.ts'
import type { BackendServersChange } from '../../model/servers-change.ts'
import type { StickRule } from '../../rules/actions/stick-rules.ts'
import { integerOf, type Value } from '../../rules/samples/samples.ts'
import type { UpstreamServer } from '../servers/upstream-server.ts'
import { RowsByKey } from './rows-by-key.ts'

/** What the table says of one session or request with facts F. */
export interface TableVisit {
  /** The row of the server that it belongs to and that may be used, or -1. */
  readonly row: number
  /** The key under which its server is to be noted; null for none. */
  readonly key: string | null
}

/** Who belongs to which server by the stick table of a backend. */
export class TablePersistence<F> {
  readonly #rules: readonly StickRule<F>[]
  readonly #config: StickTableConfig
  readonly #table: StickTable
  /**
   * By what stands for a server in the table: a hash of its name, good over reloads. Of two names
   * with the same one the later one's clients go to the first: one in 2^32.
   */
  readonly #servers: RowsByKey<number>

  constructor(
    rules: readonly StickRule<F>[],
    config: StickTableConfig,
    memory: SharedArrayBuffer,
    servers: readonly PlannedServer[],
  ) {
    this.#rules = rules
    this.#config = config
    this.#table = new StickTable(memory, config)
    this.#servers = new RowsByKey(servers, ({ name }) => serverId(name))
  }

  /** @param servers all that there are after the change, in the order of the config */
  change(change: BackendServersChange, servers: readonly UpstreamServer[]): void {
    this.#servers.change(change, servers)
  }

  /**
   * Runs the rules. As in HAProxy the first key that is found decides, and the first that is to be
   * stored is.
   *
   * @param nowSec by the clock that all threads share
   */
  find(facts: F, isUsable: (row: number) => boolean, nowSec: number): TableVisit {
    let row = -1
    let stored: string | null = null
    for (const { test, key: sample, isMatch, isStore } of this.#rules) {
      if (!test(facts)) continue
      const value = sample.value(facts)
      const key = value === null ? null : keyOf(value, this.#config)
      if (key === null) continue
      if (isStore) stored ??= key
      if (!isMatch || row >= 0) continue
      const [found = -1] = this.#servers.rowsOf(this.#table.find(key, nowSec))
      if (found >= 0 && isUsable(found)) row = found
    }
    return { row, key: stored }
  }

  /** Notes that the key belongs to the server of this row. */
  store(key: string, row: number, nowSec: number): void {
    const id = this.#servers.keyOf(row)
    if (id !== undefined) this.#table.store(key, id, nowSec)
  }
}

/** A sample as a key of the table's type; null where it is none. */
function keyOf(value: Value, { type, keyBytesMax }: StickTableConfig): string | null {
  switch (type) {
    case 'integer': {
      const integer = integerOf(value)
      return integer === null ? null : String(integer)
    }
    case 'string':
      return value === '' ? null : String(value).slice(0, keyBytesMax)
    case 'ip':
    case 'ipv6': {
      const host = addressIn(String(value))
      if (host === null) return null
      // An IPv4 address and the IPv6 address that it is mapped to are the same client.
      const address = shortestAddress(host, 4) ?? shortestAddress(host, 6)
      return type === 'ip' && address?.includes(':') ? null : address
    }
  }
}
