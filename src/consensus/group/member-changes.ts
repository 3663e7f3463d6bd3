import { ERROR_KINDS, type ErrorCode, SluiceError } from '../../base/errors.ts'
import type { ProposalOutcome } from '../driver/proposals.ts'
import { ByteReader } from '../encoding/byte-reader.ts'
import { ByteWriter } from '../encoding/byte-writer.ts'
import type { Member, Membership } from '../log/entries.ts'
import { ADDRESS_BYTES_MAX, NAME_BYTES_MAX } from '../log/entry-encoding.ts'
import type { Members, RemovalOptions } from '../members.ts'
import { membersOf } from './admission.ts'
import { type AnyDriver, type EngineView, hasQuorum, noQuorum } from './engine-view.ts'
import { haveOtherVoters, type QuorumLack, quorumLackOf } from './quorum-guard.ts'

/** For a change from the first try until it is agreed on. */
const CHANGE_TIMEOUT_MS = 10_000
/** More than that, for the answer of a leader that uses all of it. */
const FORWARD_TIMEOUT_MS = CHANGE_TIMEOUT_MS + 1000
/** Before the next try, while another change is under way. */
const RETRY_MS = 20

/**
 * Nodes of a cluster, voters, learners and invited ones together. Agreement gets slower with each
 * voter and no safer beyond seven.
 */
const NODES_MAX = 32

/** What an operator wants of the members. */
export type MemberRequest =
  | { readonly kind: 'add'; readonly name: string; readonly address: string }
  | { readonly kind: 'remove'; readonly name: string }
  /** An own kind, so that a node that does not know of it refuses it. */
  | { readonly kind: 'remove-forced'; readonly name: string }
  | { readonly kind: 'transfer'; readonly name: string }

/** Changes of the members that operators ask for, from any node; the leader makes them. */
export class MemberChanges implements Members {
  readonly #view: EngineView

  constructor(view: EngineView) {
    this.#view = view
  }

  add(name: string, address: string): Promise<void> {
    return this.#ask({ kind: 'add', name, address })
  }

  remove(name: string, { isForced }: RemovalOptions = { isForced: false }): Promise<void> {
    return this.#ask({ kind: isForced ? 'remove-forced' : 'remove', name })
  }

  transfer(name: string): Promise<void> {
    return this.#ask({ kind: 'transfer', name })
  }

  /** Has a change made, by the leader where this node is none. */
  async #ask(request: MemberRequest): Promise<void> {
    const driver = this.#view.driver()
    const { role, leader } = driver.standing()
    if (role === 'leader') {
      await this.make(request)
      return
    }
    if (leader === null || !hasQuorum(driver, this.#view)) throw noQuorum('no leader is known')
    const body = encodeRequest(request)
    const { kind } = request
    const answer = await this.#view.questions.ask(leader, 'engine', kind, body, FORWARD_TIMEOUT_MS)
    switch (answer.kind) {
      case 'answered':
        return
      case 'unsent':
        throw noQuorum(`the leader, ${leader}, cannot be reached from here`)
      case 'silent':
        throw new SluiceError('outcome-unknown', `the leader, ${leader}, has not answered`)
      case 'refused':
        throw new SluiceError(codeOf(answer.code), answer.message)
      default:
        answer satisfies never
    }
  }

  /** Makes a change, where this node leads. */
  async make(request: MemberRequest): Promise<void> {
    switch (request.kind) {
      case 'add':
        await this.#change((membership) => withInvited(membership, request))
        return
      case 'remove':
      case 'remove-forced': {
        const isForced = request.kind === 'remove-forced'
        await this.#change((membership) => withoutNamed(membership, request.name), isForced)
        return
      }
      case 'transfer':
        await this.#transfer(request.name)
        return
      default:
        request satisfies never
    }
  }

  /** A leader that ends gives the lead to the voter that has most; nobody waits for its silence. */
  async handOver(driver: AnyDriver): Promise<void> {
    const { role, peers, membership, id } = driver.status()
    if (role !== 'leader') return
    const { conditions, silenceMaxMs } = this.#view
    const voters = new Set(membership.voters.map((voter) => voter.id))
    const [best] = peers
      .filter((peer) => voters.has(peer.id) && this.#view.isConnected(peer.id))
      .sort((a, b) => b.matchIndex - a.matchIndex)
    if (best === undefined || !driver.transferLeadership(best.id)) return
    const isOver = () =>
      !this.#view.isConnected(best.id) || ![null, id].includes(driver.standing().leader)
    await conditions.until(isOver, silenceMaxMs)
  }

  async #change(targetOf: (membership: Membership) => Membership, isForced = false): Promise<void> {
    const { scheduler, conditions } = this.#view
    const untilMs = scheduler.nowMs() + CHANGE_TIMEOUT_MS
    for (;;) {
      const driver = this.#view.driver()
      const { role, membership } = driver.standing()
      if (role !== 'leader') throw noQuorum('the node does not lead any more')
      if (membership.outgoing.length === 0) {
        const target = targetOf(membership)
        if (!isForced && haveOtherVoters(membership, target)) {
          await this.#expectQuorum(driver, target)
        }
        // Another change may have been made meanwhile, which this target knows nothing of.
        const isCurrent = driver.standing().membership === membership
        const outcome = isCurrent ? await this.#propose(target, untilMs) : 'busy'
        if (outcome !== 'busy') {
          expectApplied(outcome)
          const isSettled = () => driver.appliedMembership.outgoing.length === 0
          if (await conditions.until(isSettled, untilMs - scheduler.nowMs())) return
          throw new SluiceError('outcome-unknown', 'the change is agreed on, and not yet complete')
        }
      }
      if (scheduler.nowMs() >= untilMs) {
        throw new SluiceError('membership-changing', 'another change of the members is under way')
      }
      await conditions.until(() => false, RETRY_MS)
    }
  }

  /**
   * Waits until a majority of a change's voters has answered since now. What they answered before
   * is not enough: one that has just died would still be counted on.
   *
   * @throws SluiceError `quorum-at-risk`; `no-quorum`: this node leads no more
   */
  async #expectQuorum(driver: AnyDriver, target: Membership): Promise<void> {
    const { scheduler, conditions, silenceMaxMs } = this.#view
    const sinceMs = scheduler.nowMs()
    const lackNow = (): QuorumLack | null => {
      const { id: self, peers } = driver.status()
      const answered = new Set([self])
      for (const { id, heardMs } of peers)
        if (heardMs !== null && heardMs > sinceMs) answered.add(id)
      return quorumLackOf(target, (id) => answered.has(id))
    }
    const isLeader = (): boolean => driver.standing().role === 'leader'
    await conditions.until(() => !isLeader() || lackNow() === null, silenceMaxMs)
    if (!isLeader()) throw noQuorum('the node does not lead any more')
    const lack = lackNow()
    if (lack !== null) throw atRisk(lack)
  }

  /** @returns what became of it, or `busy`: nothing was proposed, for another change is under way */
  #propose(target: Membership, untilMs: number): Promise<ProposalOutcome | 'busy'> {
    const driver = this.#view.driver()
    return new Promise((resolve, reject) => {
      const cancel = this.#view.scheduler.callAt(untilMs, () => resolve({ kind: 'unknown' }))
      const proposed = driver.proposeMembership(target, (outcome) => {
        cancel()
        resolve(outcome)
      })
      if (proposed.ok) return
      cancel()
      switch (proposed.reason) {
        case 'membership-changing':
        case 'transferring':
          resolve('busy')
          break
        case 'overloaded':
          reject(new SluiceError('overloaded', 'too much waits to be agreed on'))
          break
        case 'not-leader':
        case 'stopped':
          reject(noQuorum('the node does not lead any more'))
          break
        default:
          proposed satisfies never
      }
    })
  }

  async #transfer(name: string): Promise<void> {
    const { conditions, silenceMaxMs } = this.#view
    const driver = this.#view.driver()
    const { membership, id, role } = driver.status()
    const target = memberNamed(membership, name)
    if (target.id === id && role === 'leader') return
    if (!driver.transferLeadership(target.id)) {
      throw new SluiceError('transfer-failed', `${name} is no voter, or this node does not lead`)
    }
    const isDone = () => driver.standing().leader === target.id
    if (await conditions.until(isDone, silenceMaxMs * 2)) return
    throw new SluiceError(
      'transfer-failed',
      `${name} has not taken over within an election timeout`,
    )
  }
}

/** @throws SluiceError `encoding-invalid` */
export function decodeRequest(kind: MemberRequest['kind'], body: Uint8Array): MemberRequest {
  const reader = new ByteReader(body)
  const name = reader.text(NAME_BYTES_MAX)
  const address = reader.text(ADDRESS_BYTES_MAX)
  reader.end()
  return kind === 'add' ? { kind, name, address } : { kind, name }
}

function encodeRequest(request: MemberRequest): Uint8Array {
  const writer = new ByteWriter(64)
  writer.text(request.name)
  writer.text(request.kind === 'add' ? request.address : '')
  return writer.finish()
}

function withInvited(
  membership: Membership,
  { name, address }: { readonly name: string; readonly address: string },
): Membership {
  const known = [...membersOf(membership), ...membership.invited]
  if (known.some((other) => other.name === name)) {
    throw new SluiceError('member-exists', `${name} is a node of the cluster already`)
  }
  const neighbour = known.find((other) => other.address === address)
  if (neighbour !== undefined) {
    throw new SluiceError('member-exists', `${neighbour.name} has the address ${address}`)
  }
  if (known.length >= NODES_MAX) {
    throw new SluiceError('members-full', `the cluster has ${known.length} nodes already`)
  }
  return { ...membership, invited: [...membership.invited, { name, address }] }
}

function withoutNamed(membership: Membership, name: string): Membership {
  const isOther = (node: { readonly name: string }) => node.name !== name
  const { voters, learners, invited } = membership
  if ([...voters, ...learners, ...invited].every(isOther)) throw unknown(name)
  const target = {
    ...membership,
    voters: voters.filter(isOther),
    learners: learners.filter(isOther),
    invited: invited.filter(isOther),
  }
  if (target.voters.length === 0) {
    throw new SluiceError('member-last', `${name} is the only voter of the cluster`)
  }
  return target
}

function atRisk({ neededVoters, reached, missing }: QuorumLack): SluiceError {
  const voters = reached.length + missing.length
  const names = missing.map(({ name }) => name).join(', ')
  const message = `of the ${voters} voters that would be left ${neededVoters} are needed, and ${reached.length} answer; not there: ${names}`
  return new SluiceError('quorum-at-risk', message)
}

function memberNamed(membership: Membership, name: string): Member {
  const member = membersOf(membership).find((other) => other.name === name)
  if (member === undefined) throw unknown(name)
  return member
}

function unknown(name: string): SluiceError {
  return new SluiceError('member-unknown', `${name} is no node of the cluster`)
}

function expectApplied(outcome: ProposalOutcome): void {
  if (outcome.kind === 'applied') return
  throw outcome.kind === 'dropped'
    ? new SluiceError('proposal-dropped', 'something else was agreed on in place of the change')
    : new SluiceError('outcome-unknown', 'the change was proposed, and may yet be agreed on')
}

function codeOf(code: string): ErrorCode {
  return Object.hasOwn(ERROR_KINDS, code) ? (code as ErrorCode) : 'peer-refused'
}
