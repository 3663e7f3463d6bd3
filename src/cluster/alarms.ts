import { ERROR_KINDS, SluiceError } from '../base/errors.ts'
import type { EngineStatus } from '../consensus/engine-status.ts'

/** What a node raises an alarm for. Part of the contract with scripts: may be added, never renamed. */
export const ALARM_CODES = [
  'data-lost',
  'data-dir-failed',
  'node-failed',
  'state-newer',
  'state-corrupt',
  'no-quorum',
  'quorum-at-risk',
] as const

/** One of {@link ALARM_CODES}. */
export type AlarmCode = (typeof ALARM_CODES)[number]

/** Something that somebody has to see to. */
export interface Alarm {
  readonly code: AlarmCode
  /** Name of the node that it is about. */
  readonly node: string
  /** Milliseconds since 1970, by the clock of the node that raised it. */
  readonly sinceMs: number
  /** What has happened. */
  readonly message: string
}

/** What a node knows that alarms are raised by. */
export interface AlarmFacts {
  readonly status: EngineStatus
  /** Why it takes no further part; null: it does. */
  readonly fatal: Error | null
  /** Why it applies nothing more; null: it does. */
  readonly halt: Error | null
  /** Nodes whose state was found to differ from that of the others. */
  readonly corrupt: readonly string[]
}

/** What to do about an alarm, in one sentence. */
export const ALARM_HINTS: Readonly<Record<AlarmCode, string>> = {
  'data-lost': ERROR_KINDS['data-lost'].hint,
  'data-dir-failed': ERROR_KINDS['data-dir-failed'].hint,
  'node-failed': ERROR_KINDS['engine-stopped'].hint,
  'state-newer': ERROR_KINDS['state-newer'].hint,
  'state-corrupt':
    'Keep its data-dir for a report, stop the node, empty the data-dir and start it: it joins anew with the state of the others.',
  'no-quorum': ERROR_KINDS['no-quorum'].hint,
  'quorum-at-risk':
    'Start the node, or remove it if it is gone for good: when one more is lost, nothing can be changed.',
}

/** The alarms of a node, and since when each stands. It ends as what it is raised for ends. */
export class Alarms {
  #present: readonly Alarm[] = []

  /** Those that stand, as of the last look. */
  get present(): readonly Alarm[] {
    return this.#present
  }

  /** Looks at what is; to be called at short intervals. @returns whether any has come or gone */
  look(facts: AlarmFacts, wallMs: number): boolean {
    const before = this.#present
    const now = raisedBy(facts).map((alarm): Alarm => {
      const same = before.find(({ code, node }) => code === alarm.code && node === alarm.node)
      return { ...alarm, sinceMs: same?.sinceMs ?? wallMs }
    })
    this.#present = now
    return now.length !== before.length || now.some(({ sinceMs }) => sinceMs === wallMs)
  }
}

type Raised = Omit<Alarm, 'sinceMs'>

function raisedBy({ status, fatal, halt, corrupt }: AlarmFacts): readonly Raised[] {
  const { name, clusterId } = status
  const raised: Raised[] = corrupt.map((node) => {
    return { code: 'state-corrupt', node, message: `the state of ${node} differs from the others'` }
  })
  if (fatal !== null) raised.push({ code: codeOf(fatal), node: name, message: fatal.message })
  if (halt !== null) raised.push({ code: 'state-newer', node: name, message: halt.message })
  if (fatal === null && clusterId !== null && !status.hasQuorum) {
    raised.push({ code: 'no-quorum', node: name, message: `${name} knows no leader` })
  }
  return [...raised, ...riskOf(status)]
}

function codeOf(error: Error): AlarmCode {
  const code = error instanceof SluiceError ? error.code : null
  return ALARM_CODES.find((known) => known === code) ?? 'node-failed'
}

/** Of a leader, which alone knows whom it reaches: voters that are away, where all others are needed. */
function riskOf({ role, nodes }: EngineStatus): readonly Raised[] {
  if (role !== 'leader') return []
  const voters = nodes.filter(({ membership }) => membership === 'voter')
  const away = voters.filter(({ isReachable }) => isReachable === false)
  const needed = Math.floor(voters.length / 2) + 1
  if (voters.length - away.length > needed) return []
  return away.map(({ name: node }) => {
    return { code: 'quorum-at-risk', node, message: `${node} is away, and no other may be lost` }
  })
}
