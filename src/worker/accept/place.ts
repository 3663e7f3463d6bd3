import { assert } from '../../base/errors.ts'
import type { ServerTable } from '../../memory/server-table.ts'
import type { Door } from '../clients/client-services.ts'
import type { Place, Session } from '../clients/session.ts'

/** What counting connections takes of the worker. */
export interface PlaceServices {
  readonly table: ServerTable
  /** Index of this worker in the table. */
  readonly worker: number
}

/**
 * The places of the client connections of a worker. Each counts once against the `maxconn` of the
 * process and once against that of its frontend, whatever stage its connection is in.
 *
 * Invariant: a place is counted from {@link take} to its `leave` without a break, so that no other
 * connection slips in where one passes from stage to stage.
 */
export class Places {
  readonly #services: PlaceServices
  readonly #onLeft: () => void
  readonly #taken = new Set<TakenPlace>()

  /** @param onLeft told of every place that is counted no more */
  constructor(services: PlaceServices, onLeft: () => void) {
    this.#services = services
    this.#onLeft = onLeft
  }

  /** Connections that have a place. */
  get size(): number {
    return this.#taken.size
  }

  /** A connection has come in by this door. Whoever takes charge of it passes the place to itself. */
  take(door: Door): Place {
    const { table, worker } = this.#services
    const place = new TakenPlace(door, this)
    this.#taken.add(place)
    table.acquire(worker, place.row)
    table.addConnections(worker, 1)
    return place
  }

  /** Takes a place back; what its `leave` is. */
  takeBack(place: TakenPlace): void {
    const wasTaken = this.#taken.delete(place)
    assert(wasTaken, 'a place was left twice')
    const { table, worker } = this.#services
    table.release(worker, place.row)
    table.addConnections(worker, -1)
    this.#onLeft()
  }

  /** Asks who is in charge of each connection to finish. */
  drain(): void {
    for (const { occupant } of this.#taken) occupant.drain()
  }

  /** Ends every connection now. */
  cut(): void {
    for (const { occupant } of this.#taken) occupant.cut()
  }
}

class TakenPlace implements Place {
  readonly door: Door
  /** Of the frontend when the connection came: that is what counts it, also after a reload. */
  readonly row: number
  occupant: Session = NOBODY
  readonly #places: Places

  constructor(door: Door, places: Places) {
    this.door = door
    this.row = door.frontend.plan.row
    this.#places = places
  }

  pass(occupant: Session): void {
    this.occupant = occupant
  }

  leave(): void {
    this.#places.takeBack(this)
  }
}

const NOBODY: Session = { drain() {}, cut() {} }
