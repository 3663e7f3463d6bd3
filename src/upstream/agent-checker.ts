import { isDeepStrictEqual } from 'node:util'
import type { AgentConfig } from '../model/config.ts'
import { AgentDialogue } from './checks/agent-dialogue.ts'
import { type AgentVerdict, parseAgentReply } from './checks/agent-reply.ts'
import { Probe, type ProbeContext } from './probe.ts'

/** A server whose agent is asked. */
export interface AgentTarget {
  /** `backend/server`. */
  readonly key: string
  readonly agent: AgentConfig
  /** The backend's `timeout connect`. */
  readonly connectTimeoutMs: number
}

/** What the agents of all servers are asked with. */
export interface AgentCheckerOptions extends ProbeContext {
  /**
   * Called from the event loop with every reply that can be read, also where it says the same as
   * the one before.
   */
  readonly onAgent: (key: string, verdict: AgentVerdict) => void
}

/**
 * Asks the agents of servers how these do (HAProxy configuration manual, agent-check). An agent
 * that cannot be reached, or that says what nobody understands, changes nothing: whether a server
 * can be reached is what its health check finds out.
 */
export class AgentChecker {
  readonly #options: AgentCheckerOptions
  #polls = new Map<string, AgentPoll>()

  constructor(options: AgentCheckerOptions) {
    this.#options = options
  }

  /** Sets whose agents are asked, as on a start or a reload. What is unchanged is not disturbed. */
  replace(targets: readonly AgentTarget[]): void {
    const before = this.#polls
    this.#polls = new Map()
    const fresh: AgentPoll[] = []
    for (const target of targets) {
      const known = before.get(target.key)
      if (known !== undefined && isDeepStrictEqual(known.target, target)) {
        this.#polls.set(target.key, known)
        before.delete(target.key)
        continue
      }
      const poll = new AgentPoll(target, this.#options)
      this.#polls.set(target.key, poll)
      fresh.push(poll)
    }
    for (const gone of before.values()) gone.stop()
    for (const [position, poll] of fresh.entries()) poll.start(position / fresh.length)
  }

  /** Ends all: no connection and no timer is left, and nothing is told any more. */
  stop(): void {
    this.replace([])
  }
}

/** The questions to one agent, one after the other: each begins `agent-inter` after the last. */
class AgentPoll {
  readonly target: AgentTarget
  readonly #options: AgentCheckerOptions
  #timer: NodeJS.Timeout | undefined
  #probe: Probe | null = null

  constructor(target: AgentTarget, options: AgentCheckerOptions) {
    this.target = target
    this.#options = options
  }

  /** @param phase where in the interval the first question is asked, in [0, 1) */
  start(phase: number): void {
    this.#timer = setTimeout(() => this.#ask(), phase * this.target.agent.interMs)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#probe?.cancel()
    this.#probe = null
  }

  #ask(): void {
    const { key, agent, connectTimeoutMs } = this.target
    const task = {
      address: agent.address,
      port: null,
      sendProxy: null,
      connectTimeoutMs: Math.min(connectTimeoutMs, agent.interMs),
      timeoutMs: agent.timeoutMs,
      dialogue: new AgentDialogue(agent.send),
    }
    const startMs = this.#options.clock()
    this.#probe = new Probe(task, this.#options, ({ status, info }) => {
      this.#probe = null
      const passedMs = this.#options.clock() - startMs
      this.#timer = setTimeout(() => this.#ask(), Math.max(agent.interMs - passedMs, 0))
      const verdict = status === 'L7OK' ? parseAgentReply(info) : null
      if (verdict !== null) this.#options.onAgent(key, verdict)
    })
  }
}
