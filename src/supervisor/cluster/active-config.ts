import { readFileSync } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import {
  listOf,
  pairOf,
  parseJson,
  record,
  text,
  whole,
} from '../../cluster/state-machine/json-fields.ts'
import { readConfigVersion, readPool } from '../../cluster/state-machine/state-snapshot.ts'
import { ROWS_MAX } from '../../memory/server-table.ts'
import type { DaemonLog } from '../../telemetry/daemon-log.ts'
import type { ActiveConfig } from './cluster-host.ts'

/** In the data directory. */
const FILE = 'active.json'

/** Between two writes: changes come in hundreds a second, and the cluster has each on disk. */
const PAUSE_MS = 1_000

/** The layout of the file. */
const LAYOUT = 1

/** Characters of a host name (RFC 1035 section 2.3.4), and of an IP address. */
const NAME_LENGTH_MAX = 255
const ADDRESS_LENGTH_MAX = 45

/** A server, its check and its agent may have a host name each. */
const PLACES = 3

interface KeptConfig extends ActiveConfig {
  readonly layout: number
}

const readKept = record<KeptConfig>({
  layout: whole(LAYOUT, LAYOUT),
  version: readConfigVersion,
  pool: readPool,
  addresses: listOf(pairOf(text(NAME_LENGTH_MAX), text(ADDRESS_LENGTH_MAX)), ROWS_MAX * PLACES),
})

/** What was kept before addresses were. */
const readKeptOnce = record<Omit<KeptConfig, 'addresses'>>({
  layout: whole(LAYOUT, LAYOUT),
  version: readConfigVersion,
  pool: readPool,
})

/**
 * Keeps what a node of a cluster ran last, so that it serves the same after a start without a
 * quorum, when nobody can say what holds. It decides nothing: the cluster's word comes over it.
 */
export class RememberedConfig {
  readonly #dataDir: string
  readonly #path: string
  readonly #log: DaemonLog
  readonly #closing = new AbortController()
  /** To be written next: the latest alone. */
  #next: ActiveConfig | null = null
  #writing: Promise<void> | null = null

  constructor(dataDir: string, log: DaemonLog) {
    this.#dataDir = dataDir
    this.#path = join(dataDir, FILE)
    this.#log = log
  }

  /** Has it written soon. That it cannot be is logged: what runs, runs on. */
  keep(active: ActiveConfig): void {
    this.#next = active
    this.#writing ??= this.#write()
  }

  /** Has it written now; resolves when it is on the disk, or cannot be. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#writing
  }

  /** What was kept last; null where there is nothing that can be read. */
  recall(): ActiveConfig | null {
    const bytes = this.#read()
    if (bytes === null) return null
    const json = parseJson(bytes)
    const older = readKeptOnce(json)
    const kept = readKept(json) ?? (older && { ...older, addresses: [] })
    if (kept !== undefined) {
      const { version, pool, addresses } = kept
      return { version, pool, addresses }
    }
    this.#warn('is not what was kept; it is passed over')
    return null
  }

  #read(): Uint8Array | null {
    try {
      return readFileSync(this.#path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#warn(`cannot be read: ${error}`)
      return null
    }
  }

  async #write(): Promise<void> {
    const { signal } = this.#closing
    while (this.#next !== null) {
      const text = JSON.stringify({ layout: LAYOUT, ...this.#next })
      this.#next = null
      try {
        await mkdir(this.#dataDir, { recursive: true, mode: 0o700 })
        const file = await open(`${this.#path}.new`, 'w', 0o600)
        try {
          await file.writeFile(text)
          await file.sync()
        } finally {
          await file.close()
        }
        await rename(`${this.#path}.new`, this.#path)
      } catch (error) {
        this.#warn(`cannot be written: ${error}`)
      }
      await after(PAUSE_MS, undefined, { signal }).catch(() => {})
    }
    this.#writing = null
  }

  #warn(what: string): void {
    const path = this.#path
    this.#log.warn('config-not-kept', `the config that runs: ${path} ${what}`, { path })
  }
}
