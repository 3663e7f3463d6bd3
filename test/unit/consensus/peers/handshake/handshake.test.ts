import { describe, expect, it } from 'vitest'
import {
  AcceptingHandshake,
  DiallingHandshake,
  encodeObjection,
  type Handshake,
  type HandshakeStep,
} from '../../../../../src/consensus/peers/handshake/handshake.ts'

interface Ends {
  readonly dialler?: string
  readonly acceptor?: string
  readonly wanted?: string
}

function endsOf(ends: Ends): [DiallingHandshake, AcceptingHandshake] {
  return [
    new DiallingHandshake(ends.dialler ?? 'a', ends.wanted ?? 'b'),
    new AcceptingHandshake(ends.acceptor ?? 'b'),
  ]
}

/** Lets two ends talk until neither has anything to say. Gives what came of each, and all that was said. */
function talk(
  dialler: Handshake,
  acceptor: Handshake,
): { outcomes: [HandshakeStep | null, HandshakeStep | null]; said: Uint8Array[] } {
  const outcomes: [HandshakeStep | null, HandshakeStep | null] = [null, null]
  const said: Uint8Array[] = []
  let message = dialler.begin()
  let isForAcceptor = true
  while (message !== null) {
    said.push(message)
    const step = (isForAcceptor ? acceptor : dialler).step(message)
    outcomes[isForAcceptor ? 1 : 0] = step
    if (step.kind === 'failed') message = step.isOurs ? encodeObjection(step.objection) : null
    else message = step.message
    isForAcceptor = !isForAcceptor
  }
  return { outcomes, said }
}

function reasonOf(step: HandshakeStep | null): string {
  if (step?.kind !== 'failed') return step?.kind ?? 'nothing'
  return `${step.isOurs ? 'refuses' : 'is refused'}: ${step.objection.reason}`
}

describe('a handshake', () => {
  it('makes both ends known to each other', () => {
    const ends = endsOf({})
    const { outcomes } = talk(...ends)
    expect(outcomes.map((step) => step?.kind)).toEqual(['done', 'done'])
    expect(ends.map(({ peer }) => peer)).toEqual(['b', 'a'])
  })

  it.each<[string, Ends, string]>([
    ['somebody else', { wanted: 'c' }, 'stranger'],
    ['its own name', { dialler: 'b' }, 'stranger'],
    ['no name', { dialler: '' }, 'garbage'],
    ['a name with a slash', { dialler: 'a/1' }, 'garbage'],
    ['a name with an escape', { dialler: 'a\x1b' }, 'garbage'],
  ])('comes to nothing with %s', (_what, ends, reason) => {
    const { outcomes } = talk(...endsOf(ends))
    expect(outcomes.map(reasonOf)).toEqual([`is refused: ${reason}`, `refuses: ${reason}`])
  })

  it('does not tell a stranger the name of the node', () => {
    const { said } = talk(...endsOf({ wanted: 'c', acceptor: 'private-name' }))
    expect(Buffer.concat(said).includes('private-name')).toBe(false)
  })

  it('does not go on with a peer that would prove a secret here', () => {
    const [dialler, acceptor] = endsOf({})
    const challenge = Uint8Array.from(dialler.begin())
    challenge[2] = 1
    expect(acceptor.step(challenge)).toMatchObject({
      isOurs: true,
      objection: { reason: 'version', message: expect.stringContaining('without TLS') },
    })
  })

  it('says what a peer of another version speaks', () => {
    const [dialler, acceptor] = endsOf({})
    const challenge = Uint8Array.from(dialler.begin())
    challenge[1] = 9
    const step = acceptor.step(challenge)
    expect(reasonOf(step)).toBe('refuses: version')
    expect(step).toMatchObject({ objection: { message: expect.stringContaining('version 9') } })
    const told = dialler.step(encodeObjection({ reason: 'version', message: 'mine is 9' }))
    expect(told).toEqual({
      kind: 'failed',
      objection: { reason: 'version', message: 'mine is 9' },
      isOurs: false,
    })
  })

  it('shows what a peer objects without what could deceive a terminal', () => {
    const [dialler] = endsOf({})
    const objection = { reason: 'stranger', message: 'a\x1b[2Jb\nc\u202ed' } as const
    expect(dialler.step(encodeObjection(objection))).toMatchObject({
      objection: { message: 'a?[2Jb?c?d' },
    })
  })

  it.each(['', '00', '05', '02', '0200', '0400', '04ff00', '0201020304', `02${'00'.repeat(200)}`])(
    'takes %s for garbage',
    (hex) => {
      for (const end of endsOf({})) {
        end.begin()
        const outcome = reasonOf(end.step(Buffer.from(hex, 'hex')))
        expect(outcome).toMatch(/^refuses: garbage$|^is refused: version$/)
      }
    },
  )

  // As the first versions of Sluice say it where TLS, or the place of the node, proves who a peer is.
  it('keeps its format', () => {
    const { said } = talk(...endsOf({}))
    expect(said.map((message) => Buffer.from(message).toString('hex'))).toEqual([
      `0101000161${'0162'}${'00'.repeat(32)}`,
      `02${'00'.repeat(32)}00`,
      '0300',
    ])
  })
})
