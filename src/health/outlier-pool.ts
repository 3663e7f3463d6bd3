import type { OutlierDetectionConfig } from '../model/observation-config.ts'
import type { Sample } from './observation-sample.ts'
import { findOutliers, type Outlier } from './outlier-causes.ts'
import { OutlierHistory } from './outlier-history.ts'

/** A server of the pool as it is now. */
export interface PoolServer {
  /** `backend/server`. */
  readonly key: string
  /** What it has done since the last step. */
  readonly sample: Sample
  /** Whether it would take sessions if it were not ejected. */
  readonly isUp: boolean
}

/** What a step has changed. */
export type OutlierChange =
  | (Outlier & {
      readonly kind: 'ejected'
      /** How long for. */
      readonly ejectionMs: number
      /** The factor of `base-ejection-time`. */
      readonly ejections: number
    })
  | { readonly kind: 'returned'; readonly key: string; readonly ejectedMs: number }
  /** Too few servers are left: ejections are ignored from now on, or no longer. */
  | { readonly kind: 'panic' | 'panic-over'; readonly left: number; readonly servers: number }

/** What is known of one server. */
interface Member {
  readonly key: string
  readonly history: OutlierHistory
  /** Factor of the ejection time: one more with each ejection, one less with each good time. */
  ejections: number
  /** Null: not ejected. */
  ejection: { readonly sinceMs: number; readonly untilMs: number; readonly reason: string } | null
  /** Since when it is in the pool without an ejection, as far as that is not yet counted. */
  goodSinceMs: number
}

/**
 * Ejects the servers of one backend that stand out, as Envoy's outlier detection does (Envoy
 * documentation, outlier detection), and lets them come back. It sees no clock: a step is told what
 * each server has done since the last one.
 *
 * Invariants: never more than `max-ejection-percent` of the servers are ejected by it, but one of
 * two or more may always be; and who is ejected comes back after `max-ejection-time` at most.
 */
export class OutlierPool {
  #config: OutlierDetectionConfig
  #members = new Map<string, Member>()
  #panics = false

  constructor(config: OutlierDetectionConfig) {
    this.#config = config
  }

  /** Goes over to another config. Who is ejected keeps the time that was set. */
  configure(config: OutlierDetectionConfig): void {
    this.#config = config
  }

  /** Forgets a server: another one has its name now. */
  forget(key: string): void {
    this.#members.delete(key)
  }

  /** Why a server takes no sessions; null where it does, as all do in a panic. */
  ejectionOf(key: string): string | null {
    return this.#panics ? null : (this.#members.get(key)?.ejection?.reason ?? null)
  }

  /**
   * Judges the pool after a while.
   *
   * @param servers all that are not in maintenance or draining
   * @param nowMs never less than before
   */
  step(servers: readonly PoolServer[], nowMs: number): OutlierChange[] {
    this.#follow(servers, nowMs)
    const returned = this.#bringBack(nowMs)
    this.#decay(nowMs)
    const ejected = this.#eject(servers, nowMs)
    return [...returned, ...ejected, ...this.#judgePanic(servers)]
  }

  #follow(servers: readonly PoolServer[], nowMs: number): void {
    const before = this.#members
    this.#members = new Map()
    for (const { key, sample } of servers) {
      const member = before.get(key) ?? newMember(key, nowMs)
      this.#members.set(key, member)
      // What an ejected server still answers was sent to it before, or is sent in a panic.
      if (member.ejection === null) member.history.add(sample, nowMs, this.#config.intervalMs)
    }
  }

  #bringBack(nowMs: number): OutlierChange[] {
    const changes: OutlierChange[] = []
    for (const member of this.#members.values()) {
      const { key, ejection } = member
      if (ejection === null || nowMs < ejection.untilMs) continue
      member.ejection = null
      member.goodSinceMs = nowMs
      member.history.forget()
      changes.push({ kind: 'returned', key, ejectedMs: nowMs - ejection.sinceMs })
    }
    return changes
  }

  /** Each `base-ejection-time` without an ejection takes one off the factor. */
  #decay(nowMs: number): void {
    const { baseEjectionMs } = this.#config
    for (const member of this.#members.values()) {
      if (member.ejection !== null) continue
      const good = Math.floor((nowMs - member.goodSinceMs) / baseEjectionMs)
      member.goodSinceMs += good * baseEjectionMs
      member.ejections = Math.max(member.ejections - good, 0)
    }
  }

  #eject(servers: readonly PoolServer[], nowMs: number): OutlierChange[] {
    const up = new Set(servers.filter(({ isUp }) => isUp).map(({ key }) => key))
    const isEjected = (member: Member): boolean => member.ejection !== null
    const members = [...this.#members.values()]
    const suspects = members.filter((member) => up.has(member.key) && !isEjected(member))
    const outliers = findOutliers(suspects, this.#config)
    const room =
      ejectionsMax(servers.length, this.#config.maxEjectionPercent) -
      members.filter(isEjected).length
    return outliers.slice(0, Math.max(room, 0)).map((outlier) => {
      const member = this.#members.get(outlier.key) as Member
      const { baseEjectionMs, maxEjectionMs } = this.#config
      const ejectionsCap = Math.ceil(maxEjectionMs / baseEjectionMs)
      member.ejections = Math.min(member.ejections + 1, ejectionsCap)
      const ejectionMs = Math.min(baseEjectionMs * member.ejections, maxEjectionMs)
      const { reason } = outlier
      member.ejection = { sinceMs: nowMs, untilMs: nowMs + ejectionMs, reason }
      member.history.forget()
      return { ...outlier, kind: 'ejected', ejectionMs, ejections: member.ejections }
    })
  }

  /**
   * Where too few servers are left, those would break down under the traffic of all. Rather
   * everybody takes a share of it (Envoy documentation, panic threshold).
   */
  #judgePanic(servers: readonly PoolServer[]): OutlierChange[] {
    const ejection = (key: string): Member['ejection'] => this.#members.get(key)?.ejection ?? null
    const left = servers.filter(({ key, isUp }) => isUp && ejection(key) === null).length
    const hasEjected = servers.some(({ key }) => ejection(key) !== null)
    const panics = hasEjected && left * 100 < this.#config.panicThreshold * servers.length
    if (panics === this.#panics) return []
    this.#panics = panics
    return [{ kind: panics ? 'panic' : 'panic-over', left, servers: servers.length }]
  }
}

/** How many of so many servers may be ejected at once. One of two or more always may. */
export function ejectionsMax(servers: number, maxEjectionPercent: number): number {
  const share = Math.floor((servers * maxEjectionPercent) / 100)
  return servers > 1 ? Math.max(share, 1) : share
}

function newMember(key: string, nowMs: number): Member {
  const history = new OutlierHistory()
  return { key, history, ejections: 0, ejection: null, goodSinceMs: nowMs }
}
