import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../../src/base/errors.ts'
import {
  type Answer,
  PeerQuestions,
  type PeerQuestionsHost,
} from '../../../../src/consensus/peers/peer-questions.ts'
import type { Channel } from '../../../../src/consensus/peers/transport.ts'
import { VirtualScheduler } from '../driver/virtual-scheduler.ts'

interface Frame {
  readonly to: string
  readonly channel: 'request' | 'reply'
  readonly data: Uint8Array
}

/** One end, whose frames the test carries. */
class End {
  readonly scheduler = new VirtualScheduler()
  readonly frames: Frame[] = []
  isConnected = true
  untilReachable: PeerQuestionsHost['untilReachable'] = async () => this.isConnected
  answer: PeerQuestionsHost['answer'] = async (_from, scope, kind, body) =>
    Uint8Array.from([scope === 'application' ? 1 : 0, kind.length, ...body])
  readonly questions: PeerQuestions

  constructor(life = 1) {
    this.questions = new PeerQuestions(
      {
        scheduler: this.scheduler,
        send: (to: string, channel: Channel, data: Uint8Array) => {
          if (this.isConnected) this.frames.push({ to, channel: channel as 'request', data })
          return this.isConnected
        },
        untilReachable: (to) => this.untilReachable(to),
        answer: (...asked) => this.answer(...asked),
      },
      life,
    )
  }

  ask(body: readonly number[] = [], timeoutMs = 100): Promise<Answer> {
    return this.questions.ask('lb2/1', 'application', 'say', Uint8Array.from(body), timeoutMs)
  }
}

/** Carries what has been sent from one to the other, and gives the answers time to be made. */
async function carry(from: End, fromId: string, to: End): Promise<void> {
  for (const { channel, data } of from.frames.splice(0)) to.questions.receive(fromId, channel, data)
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

describe('a request', () => {
  it('is waited for no more when the link to its node breaks', async () => {
    const asker = new End()
    const [here, elsewhere] = [
      asker.ask(),
      asker.questions.ask('lb3/1', 'engine', 'say', new Uint8Array(), 100),
    ]
    asker.questions.lost('lb2/1')
    expect(await here).toEqual({ kind: 'silent' })
    expect(asker.scheduler.waiting).toBe(1)
    asker.scheduler.pass(100)
    expect(await elsewhere).toEqual({ kind: 'silent' })
  })

  it('is answered', async () => {
    const [asker, asked] = [new End(), new End()]
    const answer = asker.ask([7, 8])
    await carry(asker, 'lb1/1', asked)
    await carry(asked, 'lb2/1', asker)
    expect(await answer).toEqual({ kind: 'answered', body: Uint8Array.of(1, 3, 7, 8) })
    expect(asker.scheduler.waiting).toBe(0)
  })

  it('is answered when the link back is open, which may be later', async () => {
    const [asker, asked] = [new End(), new End()]
    const answer = asker.ask([7])
    asked.isConnected = false
    let open: (isReachable: boolean) => void = () => {}
    asked.untilReachable = () =>
      new Promise((resolve) => {
        open = resolve
      })
    await carry(asker, 'lb1/1', asked)
    expect(asked.frames).toEqual([])
    asked.isConnected = true
    open(true)
    await carry(asker, 'lb1/1', asked)
    await carry(asked, 'lb2/1', asker)
    expect(await answer).toEqual({ kind: 'answered', body: Uint8Array.of(1, 3, 7) })
  })

  it.each([
    [new SluiceError('config-conflict', 'no'), 'config-conflict'],
    [new TypeError('no'), 'peer-refused'],
  ])('is refused with the code of %s', async (error, code) => {
    const [asker, asked] = [new End(), new End()]
    asked.answer = () => Promise.reject(error)
    const answer = asker.ask()
    await carry(asker, 'lb1/1', asked)
    await carry(asked, 'lb2/1', asker)
    expect(await answer).toEqual({ kind: 'refused', code, message: 'no' })
  })

  it('that is not answered in time ends, and a late answer changes nothing', async () => {
    const [asker, asked] = [new End(), new End()]
    const answer = asker.ask([], 100)
    await carry(asker, 'lb1/1', asked)
    asker.scheduler.pass(100)
    expect(await answer).toEqual({ kind: 'silent' })
    await carry(asked, 'lb2/1', asker)
  })

  it('that cannot be sent is told so', async () => {
    const asker = new End()
    asker.isConnected = false
    expect(await asker.ask()).toEqual({ kind: 'unsent' })
    expect(asker.scheduler.waiting).toBe(0)
  })

  it.each([
    ['another node', 'lb3/1', 1],
    ['the answer to a node that this one was before', 'lb2/1', 2],
  ])('is not answered by %s', async (_what, from, life) => {
    const [asker, asked] = [new End(1), new End()]
    const answer = asker.ask([])
    const other = new End(life)
    void other.ask([])
    await carry(other, 'lb1/1', asked)
    await carry(asked, from, asker)
    asker.scheduler.pass(100)
    expect(await answer).toEqual({ kind: 'silent' })
  })

  it('is one of a bounded number', async () => {
    const asker = new End()
    const answers = Array.from({ length: 4097 }, () => asker.ask())
    expect(await answers.at(-1)).toEqual({ kind: 'unsent' })
    asker.questions.stop()
    expect(new Set((await Promise.all(answers.slice(0, -1))).map(({ kind }) => kind))).toEqual(
      new Set(['silent']),
    )
    expect(await asker.ask()).toEqual({ kind: 'unsent' })
    expect(asker.scheduler.waiting).toBe(0)
  })

  it('is one of a bounded number that a node answers at once', async () => {
    const [asker, asked] = [new End(), new End()]
    asked.answer = () => new Promise(() => {})
    const answers = Array.from({ length: 1025 }, () => asker.ask())
    await carry(asker, 'lb1/1', asked)
    expect(asked.frames).toHaveLength(1)
    await carry(asked, 'lb2/1', asker)
    expect(await answers.at(-1)).toMatchObject({ kind: 'refused', code: 'overloaded' })
  })

  it.each([
    ['nothing', []],
    ['another version', [9, 1, 1, 0, 1, 65, 0]],
    ['too little', [1, 1, 1, 0]],
    ['too much', [1, 1, 1, 0, 1, 65, 0, 0]],
  ])('made of %s is garbage', (_what, bytes) => {
    const { questions } = new End()
    for (const channel of ['request', 'reply'] as const) {
      expect(() => questions.receive('lb2/1', channel, Uint8Array.from(bytes))).toThrow(
        expect.objectContaining({ code: 'encoding-invalid' }),
      )
    }
  })
})
