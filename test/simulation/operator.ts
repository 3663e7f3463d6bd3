import type { CoreStatus } from '../../src/consensus/core/core-status.ts'
import type { Member, Membership } from '../../src/consensus/log/entries.ts'
import type { Machine } from './machine.ts'
import type { World } from './world.ts'

/** Between looks at the cluster. */
const LOOK_EVERY_MS = 150

/**
 * Keeps the membership right through whoever leads: a node that has lost its data is replaced by
 * its successor, a learner that has caught up is promoted. On request it changes things for the
 * sake of change.
 */
export class Operator {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  start(): void {
    const look = (): void => {
      this.#repair()
      this.#world.agenda.after(LOOK_EVERY_MS, look)
    }
    this.#world.agenda.after(LOOK_EVERY_MS, look)
  }

  /** Whether nothing is left to put right. */
  isContent(status: CoreStatus): boolean {
    const { membership } = status
    if (membership.outgoing.length > 0 || membership.learners.length > 0) return false
    return membership.voters.every((voter) => this.#isAlive(voter))
  }

  /**
   * Whether the group goes on where a machine loses its data: in every membership that may rule, a
   * majority still has its own.
   */
  canLose(lost: Machine): boolean {
    return this.#memberships().every((membership) => this.#isViable(membership, lost))
  }

  /** Asks the leader for some change that leaves a group that works. */
  changeSomething(): void {
    this.#throughLeader((leader, { membership }) => {
      const target = this.#drawTarget(membership)
      if (target !== null) this.#propose(leader, target)
    })
  }

  /** Asks the leader to hand over to somebody. */
  transferSomewhere(): void {
    const { dice, counts } = this.#world
    this.#throughLeader((leader, { membership }) => {
      const to = dice.pick([...membership.voters, ...membership.learners])
      leader.ask((driver) => {
        if (driver.transferLeadership(to.id)) counts.transfers += 1
      })
    })
  }

  /** Whether a majority of every group of voters has its data, without one that may lose it. */
  #isViable({ voters, outgoing }: Membership, lost: Machine | null): boolean {
    return [voters, outgoing].every((group) => {
      const whole = group.filter(({ id }) => {
        const machine = this.#world.machineOf(id)
        return machine !== null && machine !== lost && !machine.disk.isRotten
      })
      return group.length === 0 || whole.length * 2 > group.length
    })
  }

  /** What the logs and the nodes say at present, the stale among them too. */
  #memberships(): Membership[] {
    return this.#world.machines.flatMap((machine) => {
      const running = machine.status()?.membership
      const { issued, durable } = machine.disk
      const stored = [issued.membership(), durable.membership()]
      return running === undefined ? stored : [running, ...stored]
    })
  }

  #repair(): void {
    this.#throughLeader((leader, status) => {
      const { membership, peers } = status
      if (membership.outgoing.length > 0) return
      const lost = [...membership.voters, ...membership.learners].find((m) => !this.#isAlive(m))
      if (lost !== undefined) {
        this.#propose(leader, this.#withSuccessor(membership, lost))
        return
      }
      const ready = membership.learners.filter((learner) =>
        peers.some((peer) => peer.id === learner.id && peer.isCaughtUp),
      )
      if (ready.length === 0) return
      const isPromoted = this.#propose(leader, {
        ...membership,
        voters: [...membership.voters, ...ready],
        learners: membership.learners.filter((learner) => !ready.includes(learner)),
      })
      if (isPromoted) this.#world.counts.promotions += 1
    })
  }

  /** The old identity goes, the new one comes as a learner, in one change. */
  #withSuccessor(membership: Membership, lost: Member): Membership {
    const successor = this.#world.machineNamed(lost.name)?.member
    const voters = membership.voters.filter(({ id }) => id !== lost.id)
    const learners = membership.learners.filter(({ id }) => id !== lost.id && id !== successor?.id)
    const isVoter = voters.some(({ id }) => id === successor?.id)
    return {
      ...membership,
      voters,
      learners: successor === undefined || isVoter ? learners : [...learners, successor],
    }
  }

  #drawTarget(membership: Membership): Membership | null {
    const { dice, machines } = this.#world
    const { voters, learners } = membership
    const members = [...voters, ...learners]
    const outside = machines
      .map((machine) => machine.member)
      .filter(({ id, name }) => members.every((m) => m.id !== id && m.name !== name))
    switch (dice.below(4)) {
      case 0:
        if (outside.length === 0) return null
        return { ...membership, learners: [...learners, dice.pick(outside)] }
      case 1: {
        if (voters.length < 3) return null
        const gone = dice.pick(voters)
        return { ...membership, voters: voters.filter((voter) => voter !== gone) }
      }
      case 2: {
        // A voter steps back to learner, and comes again once it is seen to have caught up.
        if (voters.length < 3) return null
        const back = dice.pick(voters)
        return {
          ...membership,
          voters: voters.filter((voter) => voter !== back),
          learners: [...learners, back],
        }
      }
      default: {
        // Several at once: what only a joint phase makes safe.
        const stay = dice.shuffled(voters).slice(0, Math.max(1, voters.length - 2))
        const come = dice.shuffled([...outside, ...learners]).slice(0, 2)
        const target = [...stay, ...come]
        if (target.length < 2) return null
        return {
          ...membership,
          voters: target,
          learners: learners.filter((learner) => !come.includes(learner)),
        }
      }
    }
  }

  /** Nobody is asked for a group that could not work. */
  #propose(leader: Machine, target: Membership): boolean {
    let isTaken = false
    if (!this.#isViable(target, null)) return false
    leader.ask((driver) => {
      isTaken = driver.proposeMembership(target, null).ok
    })
    if (isTaken) {
      this.#world.counts.membershipChanges += 1
      this.#world.trace.note(
        () =>
          `${leader.id} is asked for voters ${namesOf(target.voters)} learners ${namesOf(target.learners)}`,
      )
    }
    return isTaken
  }

  #throughLeader(act: (leader: Machine, status: CoreStatus) => void): void {
    const leader = this.#world.leader()
    const status = leader?.status()
    if (leader && status) act(leader, status)
  }

  #isAlive({ id }: Member): boolean {
    return this.#world.machineOf(id) !== null
  }
}

function namesOf(members: readonly Member[]): string {
  return members.map(({ id }) => id).join()
}
