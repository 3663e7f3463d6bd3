import type { Machine } from './machine.ts'
import { CALM_NETWORK } from './network.ts'
import type { Operator } from './operator.ts'
import { drawNetwork, type Fault } from './profile.ts'
import type { World } from './world.ts'

/** How long a machine stays paused, and a network cut, at most. */
const HARM_MAX_MS = 2_500

/** A sync of a disk that hangs: longer than any timeout, one after the other. */
const DISK_STALL_MS = 2_500

/** Between looks for machines that are down. */
const ATTEND_EVERY_MS = 50

/** Does harm, one thing after another, as the profile of the run allows; then heals everything. */
export class Nemesis {
  readonly #world: World
  readonly #operator: Operator
  #isOver = false

  constructor(world: World, operator: Operator) {
    this.#world = world
    this.#operator = operator
  }

  start(): void {
    const { agenda, dice, profile } = this.#world
    const next = (): void => {
      if (this.#isOver) return
      this.#harm(dice.pick(profile.faults))
      agenda.after(dice.between(1, 2 * profile.faultEveryMs), next)
    }
    agenda.after(dice.between(0, 2_000), next)
    this.#attend()
  }

  /** Ends all faults; machines that are down start, those whose data is damaged as new nodes. */
  heal(): void {
    const { network, machines } = this.#world
    this.#isOver = true
    network.healAll()
    network.profile = CALM_NETWORK
    for (const machine of machines) {
      machine.stepsToCrash = null
      machine.disk.nextFailure = null
      machine.disk.profile = { syncMinMs: 0.1, syncMaxMs: 1, stallChance: 0, stallMs: 0 }
      machine.resume()
      this.#bringUp(machine)
    }
  }

  #harm(fault: Fault): void {
    const { dice, machines, network, counts, trace } = this.#world
    const leader = dice.chance(0.4) ? this.#world.leader() : null
    const victim = leader ?? dice.pick(machines)
    trace.note(() => `harm: ${fault} ${victim.name}`)
    switch (fault) {
      case 'crash':
        counts.crashes += 1
        victim.crash()
        break
      case 'stop':
        counts.crashes += 1
        victim.stop()
        break
      case 'storage-crash':
        victim.stepsToCrash = 1 + dice.below(6)
        break
      case 'pause':
        counts.pauses += 1
        victim.pause()
        this.#later(() => victim.resume())
        break
      case 'isolate':
        this.#partition([[victim], machines.filter((machine) => machine !== victim)])
        break
      case 'split':
        this.#partition(this.#halves())
        break
      case 'one-way':
        this.#silence(victim, dice.chance(0.5))
        break
      case 'chain':
        this.#cutAllButChain(dice.shuffled(machines))
        break
      case 'scatter':
        this.#cutWhere(() => dice.chance(0.3))
        break
      case 'disk-failure':
        victim.disk.nextFailure = dice.pick(['EIO', 'ENOSPC'])
        break
      case 'disk-stall':
        victim.disk.profile = { ...victim.disk.profile, stallChance: 0.3, stallMs: DISK_STALL_MS }
        this.#later(() => {
          victim.disk.profile = this.#world.profile.disk
        })
        break
      case 'wipe':
        this.#wipe(victim, false)
        break
      case 'rot':
        this.#wipe(victim, true)
        break
      case 'tail-loss':
        this.#loseTail(victim)
        break
      case 'membership':
        this.#operator.changeSomething()
        break
      case 'transfer':
        this.#operator.transferSomewhere()
        break
      case 'weather':
        network.profile = drawNetwork(dice)
        break
    }
  }

  #wipe(victim: Machine, isRot: boolean): void {
    if (!this.#operator.canLose(victim)) return
    this.#world.counts.wipes += 1
    if (isRot) {
      victim.crash()
      victim.disk.isRotten = true
    } else {
      victim.wipe()
    }
  }

  /**
   * A follower comes back without the end of its log, and finds its leader there. All others have
   * what it loses: of what counts on a disk that lies, nobody could save anything.
   */
  #loseTail(victim: Machine): void {
    const { machines } = this.#world
    const leader = this.#world.leader()
    if (victim.state !== 'running' || leader === null || leader === victim) return
    const { lastIndex } = victim.disk.durable
    const haveAll = machines.every(({ disk }) => disk.durable.lastIndex >= lastIndex)
    if (!haveAll || !this.#operator.canLose(victim)) return
    victim.crash()
    if (victim.disk.durable.loseTail(1 + this.#world.dice.below(3))) this.#world.counts.tails += 1
    victim.start()
  }

  #later(run: () => void): void {
    this.#world.agenda.after(this.#world.dice.between(20, HARM_MAX_MS), () => {
      if (!this.#isOver) run()
    })
  }

  /** Machines that are down come up again some time. */
  #attend(): void {
    const { agenda, dice, machines, profile } = this.#world
    if (this.#isOver) return
    for (const machine of machines) {
      if (machine.state === 'down' && dice.chance(ATTEND_EVERY_MS / profile.downMs)) {
        this.#bringUp(machine)
      }
    }
    agenda.after(ATTEND_EVERY_MS, () => this.#attend())
  }

  /** An operator's answer to a damaged disk: the node comes back without it, as another one. */
  #bringUp(machine: Machine): void {
    if (machine.start()) return
    machine.wipe()
    machine.start()
  }

  #halves(): [Machine[], Machine[]] {
    const order = this.#world.dice.shuffled(this.#world.machines)
    const first = 1 + this.#world.dice.below(order.length - 1)
    return [order.slice(0, first), order.slice(first)]
  }

  #partition([here, there]: readonly [readonly Machine[], readonly Machine[]]): void {
    this.#cutWhere((from, to) => here.includes(from) === there.includes(to))
  }

  /** Each machine hears only its neighbours. */
  #cutAllButChain(order: readonly Machine[]): void {
    this.#cutWhere((from, to) => Math.abs(order.indexOf(from) - order.indexOf(to)) > 1)
  }

  /** A machine hears nobody, or nobody hears it. */
  #silence(victim: Machine, isDeaf: boolean): void {
    this.#cutWhere((from, to) => (isDeaf ? to : from) === victim)
  }

  /** One partition at a time: the next takes the place of the one before. */
  #cutWhere(isCut: (from: Machine, to: Machine) => boolean): void {
    const { network, machines, counts, trace } = this.#world
    counts.partitions += 1
    network.healAll()
    const cuts: string[] = []
    for (const from of machines) {
      for (const to of machines) {
        if (from === to || !isCut(from, to)) continue
        network.cut(from.name, to.name)
        cuts.push(`${from.name}>${to.name}`)
      }
    }
    trace.note(() => `cut ${cuts.join(' ')}`)
    this.#later(() => network.healAll())
  }
}
