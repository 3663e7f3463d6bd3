import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type ErrorCode, SluiceError } from '../../../../src/base/errors.ts'
import type { EngineEvents } from '../../../../src/consensus/engine.ts'
import type { EngineStatus } from '../../../../src/consensus/engine-status.ts'
import {
  LastingEngine,
  type LastingOptions,
} from '../../../../src/consensus/lasting/lasting-engine.ts'
import { temporaryFolder } from '../../../e2e/support/temporary-folder.ts'
import { until } from '../../../e2e/support/waiting.ts'
import { VirtualScheduler } from '../driver/virtual-scheduler.ts'

type Opened = Awaited<ReturnType<LastingOptions['open']>>

/** Engines that do nothing, and are opened as a test says. */
class Lab {
  readonly scheduler = new VirtualScheduler()
  readonly folder = temporaryFolder()
  readonly told: string[] = []
  readonly events: EngineEvents[] = []
  /** Thrown by the next openings, one each. */
  readonly refusals: SluiceError[] = []
  stops = 0

  constructor() {
    mkdirSync(join(this.folder, 'consensus'))
  }

  async open(rejoinsAfterLoss: boolean): Promise<LastingEngine> {
    const note = (event: string): void => void this.told.push(event)
    const engine = await LastingEngine.open(
      {
        folder: this.folder,
        rejoinsAfterLoss,
        scheduler: this.scheduler,
        log: { info: note, warn: note },
        open: (events) => this.#openOne(events),
      },
      {
        onStatus: ({ name }) => note(`status of ${name}`),
        onFatal: (error) => note(`fatal: ${(error as SluiceError).code}`),
        onQuestion: () => Promise.reject(new Error('not asked')),
        onStream: () => {},
      },
    )
    onTestFinished(() => engine.stop())
    return engine
  }

  fail(code: ErrorCode, cause?: Error): void {
    this.events.at(-1)?.onFatal(new SluiceError(code, 'it cannot go on', cause))
  }

  #openOne(events: EngineEvents): Promise<Opened> {
    const refusal = this.refusals.shift()
    if (refusal !== undefined) return Promise.reject(refusal)
    const name = `engine ${this.events.push(events)}`
    const never = (): Promise<never> => Promise.reject(new Error('not asked'))
    return Promise.resolve({
      agreement: { propose: never, read: never, status: async () => ({ name }) as EngineStatus },
      members: { add: never, remove: never, transfer: never },
      peers: { ask: never, openStream: never },
      stop: async () => void this.stops++,
    } as unknown as Opened)
  }

  /** Lets the time of tries pass until an engine is there. */
  async untilOpened(count: number): Promise<void> {
    await until(`engine ${count}`, async () => {
      this.scheduler.pass(2000)
      return this.events.length === count && this.told.at(-1) === `status of engine ${count}`
        ? true
        : undefined
    })
  }
}

const NO_ROOM = new Error('IO error: No space left on device')

describe('an engine that lasts', () => {
  it('comes back where the disk has room again', async () => {
    const lab = new Lab()
    const engine = await lab.open(false)
    lab.fail('data-dir-failed', NO_ROOM)
    await lab.untilOpened(2)
    expect(lab.stops).toBe(1)
    expect((await engine.agreement.status()).name).toBe('engine 2')
    expect(lab.told).toEqual(['fatal: data-dir-failed', 'cluster-node-back', 'status of engine 2'])
  })

  it('goes on trying where it cannot be opened yet', async () => {
    const lab = new Lab()
    await lab.open(false)
    lab.refusals.push(new SluiceError('address-in-use', 'in use'))
    lab.fail('data-dir-failed', NO_ROOM)
    await lab.untilOpened(2)
    expect(lab.told).toContain('cluster-node-away')
  })

  it.each<[ErrorCode, Error | undefined]>([
    ['data-dir-failed', new Error('IO error: Input/output error')],
    ['invariant-broken', undefined],
    ['data-lost', undefined],
  ])('stays away after %s unless it is told otherwise', async (code, cause) => {
    const lab = new Lab()
    await lab.open(false)
    lab.fail(code, cause)
    expect(lab.scheduler.waiting).toBe(0)
    expect(lab.told).toEqual([`fatal: ${code}`])
  })

  it('joins anew after a loss where it may, and puts what is left aside once', async () => {
    const lab = new Lab()
    await lab.open(true)
    lab.refusals.push(new SluiceError('address-in-use', 'in use'))
    lab.fail('data-lost')
    await lab.untilOpened(2)
    expect(lab.told.at(-2)).toBe('cluster-node-back')
  })

  it.each<ErrorCode>(['data-lost', 'data-dir-damaged'])(
    'begins anew where %s is found at the start, if it may',
    async (code) => {
      const lab = new Lab()
      lab.refusals.push(new SluiceError(code, 'lost'))
      await lab.open(true)
      expect(lab.told).toEqual(['data-lost'])
      const other = new Lab()
      other.refusals.push(new SluiceError(code, 'lost'))
      await expect(other.open(false)).rejects.toMatchObject({ code })
    },
  )

  it('does not come back once it is stopped', async () => {
    const lab = new Lab()
    const engine = await lab.open(false)
    lab.fail('data-dir-failed', NO_ROOM)
    await engine.stop()
    expect(lab.scheduler.waiting).toBe(0)
    expect(lab.events).toHaveLength(1)
  })
})
