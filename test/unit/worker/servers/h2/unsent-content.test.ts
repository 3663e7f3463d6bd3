import { describe, expect, it } from 'vitest'
import { UnsentContent } from '../../../../../src/worker/servers/h2/unsent-content.ts'
import { Frames } from '../../../http/h2/plain-frames.ts'
import { RecordedConnection } from '../../../http/h2/recorded-connection.ts'

/** A client's stream whose server takes so many bytes of it. */
function opened(windowBytes: number) {
  const client = new RecordedConnection(false)
  client.receive(Frames.settings([0x4, windowBytes]), Frames.settingsAck)
  const { stream } = client.open()
  client.head(stream, { ':method': 'POST' }, false)
  client.sent()
  const frames = () =>
    client.sentFrames().map(({ type, flags, payload }) => `${type} ${flags} ${payload}`)
  return { client, stream, frames, h2: client.connection }
}

const view = Buffer.from('abcdefgh')

describe('the content of a request that is not sent yet', () => {
  it('goes in one frame where it comes in pieces, with its end', () => {
    const { frames, h2, stream } = opened(100)
    const unsent = new UnsentContent()
    unsent.add(view, 0, 3)
    unsent.add(view, 3, 3)
    unsent.add(view, 3, 8)
    unsent.end('')
    unsent.sendTo(h2, stream)
    expect([frames(), unsent.isEmpty]).toEqual([['data 1 abcdefgh'], true])
  })

  it('waits for room, whatever becomes of the view that it came in', () => {
    const { client, frames, h2, stream } = opened(5)
    const unsent = new UnsentContent()
    const lent = Buffer.from(view)
    unsent.add(lent, 0, 8)
    unsent.sendTo(h2, stream)
    unsent.keep()
    lent.fill('x')
    unsent.add(view, 0, 1)
    unsent.end('x-t: 1\r\n\r\n')
    unsent.sendTo(h2, stream)
    expect([frames(), unsent.isEmpty]).toEqual([['data 0 abcde'], false])
    client.receive(Frames.windowUpdate(1, 100))
    unsent.sendTo(h2, stream)
    const [data, trailers] = frames()
    expect([data, trailers?.slice(0, 9), unsent.isEmpty]).toEqual([
      'data 0 fgha',
      'headers 5',
      true,
    ])
    expect(stream.isLocalEnded).toBe(true)
  })

  it('is nothing of the next one', () => {
    const { frames, h2, stream } = opened(100)
    const unsent = new UnsentContent()
    unsent.add(view, 0, 8)
    unsent.end('x-t: 1\r\n\r\n')
    unsent.clear()
    unsent.sendTo(h2, stream)
    expect([frames(), unsent.isEmpty]).toEqual([[], true])
  })
})
