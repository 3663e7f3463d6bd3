import type { Agenda } from './agenda.ts'
import type { Dice } from './dice.ts'

/** How the links between machines behave while nothing is cut. */
export interface NetworkProfile {
  readonly delayMinMs: number
  readonly delayMaxMs: number
  /** A message in so many takes up to `slowMs`. */
  readonly slowChance: number
  readonly slowMs: number
  readonly lossChance: number
  readonly duplicateChance: number
  /** Messages of one link arrive in the order in which they were sent, as over a connection. */
  readonly isOrdered: boolean
}

/** A network without faults, for the end of a run. */
export const CALM_NETWORK: NetworkProfile = {
  delayMinMs: 0.2,
  delayMaxMs: 2,
  slowChance: 0,
  slowMs: 0,
  lossChance: 0,
  duplicateChance: 0,
  isOrdered: true,
}

/** Carries messages between machines, which it knows by name, and loses some. */
export class Network {
  profile: NetworkProfile
  readonly #agenda: Agenda
  readonly #dice: Dice
  /** `FROM>TO` of directions that carry nothing. */
  readonly #cut = new Set<string>()
  readonly #latestMs = new Map<string, number>()

  constructor(agenda: Agenda, dice: Dice, profile: NetworkProfile) {
    this.#agenda = agenda
    this.#dice = dice
    this.profile = profile
  }

  /** @param deliver called as often as the message arrives: never, once, or twice */
  send(from: string, to: string, deliver: () => void): void {
    const link = `${from}>${to}`
    if (this.#cut.has(link)) return
    if (this.profile.lossChance > 0 && this.#dice.chance(this.profile.lossChance)) return
    this.#carry(link, deliver)
    if (this.profile.duplicateChance > 0 && this.#dice.chance(this.profile.duplicateChance)) {
      this.#carry(link, deliver)
    }
  }

  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`)
  }

  heal(from: string, to: string): void {
    this.#cut.delete(`${from}>${to}`)
  }

  healAll(): void {
    this.#cut.clear()
  }

  #carry(link: string, deliver: () => void): void {
    const { delayMinMs, delayMaxMs, slowChance, slowMs, isOrdered } = this.profile
    const isSlow = slowChance > 0 && this.#dice.chance(slowChance)
    let arrivesMs =
      this.#agenda.nowMs + this.#dice.between(delayMinMs, isSlow ? slowMs : delayMaxMs)
    if (isOrdered) {
      arrivesMs = Math.max(arrivesMs, this.#latestMs.get(link) ?? 0)
      this.#latestMs.set(link, arrivesMs)
    }
    this.#agenda.at(arrivesMs, () => {
      if (!this.#cut.has(link)) deliver()
    })
  }
}
