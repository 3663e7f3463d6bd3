import type { AgentConfig } from '../model/config.ts'
import { PLAIN_CONNECTION, Probe, type ProbeContext } from './probe.ts'
import { AgentDialogue } from './probes/agent-dialogue.ts'
import { type AgentVerdict, parseAgentReply } from './probes/agent-reply.ts'
import { connectLimitMs } from './probes/probe-task.ts'
import { type Watch, WatchedTargets } from './watched-targets.ts'

/** A server whose agent is asked. */
export interface AgentTarget {
  /** `backend/server`. */
  readonly key: string
  readonly agent: AgentConfig
  /** The backend's `timeout connect`. */
  readonly connectTimeoutMs: number
}

/** What the agents of all servers are asked with. */
export interface AgentProberOptions extends ProbeContext {
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
export class AgentProber {
  readonly #polls: WatchedTargets<AgentTarget, AgentPoll>

  constructor(options: AgentProberOptions) {
    this.#polls = new WatchedTargets((target) => new AgentPoll(target, options))
  }

  /** Sets whose agents are asked, as on a start or a reload. What is unchanged is not disturbed. */
  replace(targets: readonly AgentTarget[]): void {
    this.#polls.replace(targets)
  }

  /** Ends all: no connection and no timer is left, and nothing is told any more. */
  stop(): void {
    this.replace([])
  }
}

/** The questions to one agent, one after the other: each begins `agent-inter` after the last. */
class AgentPoll implements Watch<AgentTarget> {
  readonly target: AgentTarget
  readonly #options: AgentProberOptions
  #timer: NodeJS.Timeout | undefined
  #probe: Probe | null = null

  constructor(target: AgentTarget, options: AgentProberOptions) {
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
      first: PLAIN_CONNECTION,
      next: () => PLAIN_CONNECTION,
      connectTimeoutMs: connectLimitMs(agent, connectTimeoutMs),
      timeoutMs: agent.timeoutMs,
      dialogue: new AgentDialogue(agent.send),
      conversation: null,
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
