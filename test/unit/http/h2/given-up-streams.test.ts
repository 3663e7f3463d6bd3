import { describe, expect, it } from 'vitest'
import { FLAG } from '../../../../src/http/h2/frames/frame-types.ts'
import { Frames } from './plain-frames.ts'
import { RecordedConnection, type RecordedStream } from './recorded-connection.ts'

/** A client with a stream, whose request was sent. */
function asked(): { client: RecordedConnection; stream: RecordedStream } {
  const client = new RecordedConnection(false).receive(Frames.settings(), Frames.settingsAck)
  const stream = client.open()
  client.head(stream.stream, { ':method': 'GET' }, true)
  return { client, stream }
}

const BLOCK = Frames.block({ ':status': '200', 'a': 'b' })

describe('a stream that was given up', () => {
  it('is told nothing of a header block that goes on, nor of its end', () => {
    const { client, stream } = asked()
    const last = BLOCK.length - 1
    client.receive(Frames.headers(1, FLAG.endStream, BLOCK.subarray(0, last)))
    client.connection.reset(stream.stream, 8)
    client.receive(Frames.raw(9, FLAG.endHeaders, 1, BLOCK.subarray(last)))
    expect([stream.heads, stream.ending]).toEqual([[], null])
    // The connection has read the block all the same.
    const next = client.open()
    client.head(next.stream, { ':method': 'GET' }, true)
    client.receive(Frames.headers(3, FLAG.endHeaders | FLAG.endStream, BLOCK))
    expect([next.heads, next.ending, client.broken]).toEqual([
      [[':status: 200', 'a: b']],
      'end',
      null,
    ])
  })

  it('has no end where its head was the reason', () => {
    const { client, stream } = asked()
    const { onHead } = stream
    stream.onHead = () => {
      client.connection.reset(stream.stream, 8)
      return onHead.call(stream)
    }
    client.receive(Frames.headers(1, FLAG.endHeaders | FLAG.endStream, BLOCK))
    expect([stream.heads.length, stream.ending]).toEqual([1, null])
  })

  it('is not refused as well, where the refusal of another was the reason', () => {
    const { client, stream } = asked()
    const other = client.open()
    client.head(other.stream, { ':method': 'GET' }, true)
    const { onReset } = stream
    stream.onReset = (...said) => {
      client.connection.reset(other.stream, 8)
      onReset.call(stream, ...said)
    }
    client.receive(Frames.goaway(0, 0))
    expect([stream.ending, other.ending]).toEqual(['reset 7 unprocessed', null])
  })
})
