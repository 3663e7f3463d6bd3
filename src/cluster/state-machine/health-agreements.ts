import type { AgreedBackend, ReportHealth, SetWitnesses } from './commands.ts'
import type { AgreedHealth, HealthChange } from './state.ts'
import { agreedVerdict } from './verdict-agreement.ts'
import { watchersOf } from './watchers.ts'

/** What one node says of one server. */
export interface Report {
  readonly isUp: boolean
  readonly reason: string
}

/** All that is kept of health; lists are sorted. */
export interface HealthRecords {
  readonly witnesses: readonly string[]
  /** The run that each node has reported from. */
  readonly runs: readonly (readonly [node: string, run: string])[]
  /** By server: what its watchers say. */
  readonly reports: readonly (readonly [key: string, readonly (readonly [string, Report])[]])[]
  /** By server: the verdict. */
  readonly verdicts: readonly (readonly [key: string, Report])[]
}

/**
 * The backend of a server that exists, in the config or added.
 *
 * @param key `backend/server`
 */
export type BackendOf = (key: string) => AgreedBackend | undefined

/**
 * What the nodes report of servers, and the verdicts that come of it.
 *
 * Invariant: only reports of present watchers of servers that exist are kept, so what is kept is
 * bounded by servers times witnesses. A node that becomes a watcher reports again.
 */
export class HealthAgreements {
  readonly #backendOf: BackendOf
  #witnesses: readonly string[] = []
  readonly #runs = new Map<string, string>()
  readonly #reports = new Map<string, Map<string, Report>>()
  readonly #verdicts = new Map<string, Report>()
  /** By server whose verdict was touched: what it was before. */
  #touched = new Map<string, boolean | null>()

  constructor(backendOf: BackendOf, records?: HealthRecords) {
    this.#backendOf = backendOf
    if (records === undefined) return
    this.#witnesses = records.witnesses
    this.#runs = new Map(records.runs)
    this.#reports = new Map(records.reports.map(([key, said]) => [key, new Map(said)]))
    this.#verdicts = new Map(records.verdicts)
  }

  /** Sorted; replaced, never changed. */
  get witnesses(): readonly string[] {
    return this.#witnesses
  }

  /** All verdicts, as if each had just changed. */
  verdicts(): readonly HealthChange[] {
    return [...this.#verdicts].map(([key, verdict]) => ({ key, ...verdict }))
  }

  verdict(key: string): AgreedHealth | undefined {
    const verdict = this.#verdicts.get(key)
    if (verdict === undefined) return undefined
    const said = sorted(this.#reports.get(key) ?? new Map<string, Report>())
    const reports = Object.fromEntries(said.map(([node, { isUp }]) => [node, isUp]))
    return { key, ...verdict, reports }
  }

  /** The run that a node has reported from last; null while it has reported nothing. */
  runOf(node: string): string | null {
    return this.#runs.get(node) ?? null
  }

  /** What a node says of a server, as far as it counts; null: nothing. */
  reportOf(node: string, key: string): boolean | null {
    return this.#reports.get(key)?.get(node)?.isUp ?? null
  }

  /** The servers that a node says something of. */
  reportedBy(node: string): readonly string[] {
    return [...this.#reports].flatMap(([key, said]) => (said.has(node) ? [key] : []))
  }

  /** Whether what a node says of a server counts. */
  isWatcher(node: string, key: string): boolean {
    return this.#watchers(key).includes(node)
  }

  /** The verdicts that have changed since this was asked last. */
  takeChanges(): readonly HealthChange[] {
    const changes: HealthChange[] = []
    for (const [key, before] of this.#touched) {
      const now = this.#verdicts.get(key) ?? { isUp: null, reason: '' }
      if (now.isUp !== before) changes.push({ key, ...now })
    }
    this.#touched = new Map()
    return changes
  }

  /**
   * Whether a node has to check a server: all nodes do, but where the backend shards its checks
   * over the witnesses.
   */
  hasToProbe(node: string, key: string): boolean {
    const backend = this.#backendOf(key)
    const isSharded = isAgreedOn(backend) && backend.watchers !== null
    return !isSharded || !this.#witnesses.includes(node) || this.isWatcher(node, key)
  }

  /** Takes over what a node says; nothing where it is no witness. */
  report({ node, run, verdicts }: ReportHealth): void {
    if (!this.#witnesses.includes(node)) return
    if (this.#runs.get(node) !== run) {
      this.#runs.set(node, run)
      for (const key of this.reportedBy(node)) {
        this.#withdraw(node, key)
        this.#settle(key)
      }
    }
    for (const { key, isUp, reason } of verdicts) {
      if (!this.isWatcher(node, key)) continue
      if (isUp === null) this.#withdraw(node, key)
      else this.#say(node, key, { isUp, reason })
      this.#settle(key)
      if (isUp === null && !this.#reports.has(key)) this.#dismiss(key)
    }
  }

  /** Other nodes have a say now. */
  setWitnesses({ nodes }: SetWitnesses): void {
    this.#witnesses = [...new Set(nodes)].sort()
    for (const node of this.#runs.keys()) {
      if (!this.#witnesses.includes(node)) this.#runs.delete(node)
    }
    this.follow()
  }

  /** Servers have come or gone, or are agreed on otherwise. */
  follow(): void {
    for (const key of new Set([...this.#reports.keys(), ...this.#verdicts.keys()])) {
      this.followServer(key)
    }
  }

  /** As {@link follow}, for one server. */
  followServer(key: string): void {
    const watchers = this.#watchers(key)
    for (const node of this.#reports.get(key)?.keys() ?? []) {
      if (!watchers.includes(node)) this.#withdraw(node, key)
    }
    if (isAgreedOn(this.#backendOf(key))) this.#settle(key)
    else this.#dismiss(key)
  }

  /** All that is kept; equal where it is the same. */
  records(): HealthRecords {
    return {
      witnesses: this.#witnesses,
      runs: sorted(this.#runs),
      reports: sorted(this.#reports).map(([key, said]) => [key, sorted(said)]),
      verdicts: sorted(this.#verdicts),
    }
  }

  #watchers(key: string): readonly string[] {
    const backend = this.#backendOf(key)
    return isAgreedOn(backend) ? watchersOf(key, this.#witnesses, backend.watchers) : []
  }

  #say(node: string, key: string, report: Report): void {
    const said = this.#reports.get(key)
    if (said === undefined) this.#reports.set(key, new Map([[node, report]]))
    else said.set(node, report)
  }

  #withdraw(node: string, key: string): void {
    const said = this.#reports.get(key)
    said?.delete(node)
    if (said?.size === 0) this.#reports.delete(key)
  }

  #dismiss(key: string): void {
    this.#touch(key)
    this.#verdicts.delete(key)
  }

  #touch(key: string): void {
    if (this.#touched.has(key)) return
    this.#touched.set(key, this.#verdicts.get(key)?.isUp ?? null)
  }

  /** Brings the verdict on a server to what its watchers say. */
  #settle(key: string): void {
    const backend = this.#backendOf(key)
    if (!isAgreedOn(backend)) return
    const before = this.#verdicts.get(key)
    const said = this.#reports.get(key)
    let up = 0
    for (const report of said?.values() ?? []) if (report.isUp) up++
    const watchers = backend.watchers ?? this.#witnesses.length
    const tally = {
      watchers: Math.min(watchers, this.#witnesses.length),
      up,
      down: (said?.size ?? 0) - up,
    }
    const isUp = agreedVerdict(backend.healthAgreement, tally, before?.isUp ?? null)
    if (isUp === null || isUp === before?.isUp) return
    const first = sorted(said ?? new Map<string, Report>()).find(
      ([, report]) => report.isUp === isUp,
    )
    this.#touch(key)
    this.#verdicts.set(key, { isUp, reason: first?.[1].reason ?? '' })
  }
}

function isAgreedOn(backend: AgreedBackend | undefined): backend is AgreedBackend {
  return backend !== undefined && backend.healthAgreement !== 'local'
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}
