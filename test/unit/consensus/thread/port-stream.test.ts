import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { MessageChannel } from 'node:worker_threads'
import { expect, it, onTestFinished } from 'vitest'
import { SluiceError } from '../../../../src/base/errors.ts'
import { PortStream } from '../../../../src/consensus/thread/port-stream.ts'

/** What a stream carries to its end; unlike an iteration over it, this leaves its other way open. */
async function text(stream: Duplex): Promise<string> {
  let all = ''
  stream.on('data', (chunk: Buffer) => {
    all += Buffer.from(chunk).toString()
  })
  await once(stream, 'end')
  return all
}

function makeStreams() {
  const { port1, port2 } = new MessageChannel()
  onTestFinished(() => {
    port1.close()
    port2.close()
  })
  const [near, far] = [new PortStream(port1), new PortStream(port2)]
  // Who is left over when a test ends is cut.
  for (const stream of [near, far]) stream.on('error', () => {})
  return { near, far, nearPort: port1 }
}

it('carries bytes both ways, each to its own end', async () => {
  const { near, far } = makeStreams()
  near.end('a question')
  expect(await text(far)).toBe('a question')
  // The other way is open still.
  far.write('an ')
  far.end('answer')
  expect(await text(near)).toBe('an answer')
  for (const stream of [near, far]) if (!stream.closed) await once(stream, 'close')
})

it('keeps no more than one piece on its way to who does not read', async () => {
  const { near, far } = makeStreams()
  const piece = Buffer.alloc(64 * 1024, 'x')
  let written = 0
  for (let n = 0; n < 40; n++) near.write(piece, () => written++)
  near.end()
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(written).toBeLessThanOrEqual(1)
  expect((await text(far)).length).toBe(40 * piece.length)
})

it('one that fails is cut on the other side, with the words of the failure', async () => {
  const { near, far } = makeStreams()
  const cut = once(far, 'error')
  near.destroy(new SluiceError('peer-refused', 'lb2: not here'))
  expect(await cut).toMatchObject([{ code: 'peer-refused', message: 'lb2: not here' }])
})

it('one that is given up half-way is cut, and so is that of a thread that is gone', async () => {
  const givenUp = makeStreams()
  const cut = once(givenUp.far, 'error')
  givenUp.near.destroy()
  expect(await cut).toMatchObject([{ code: 'peer-unreachable' }])

  const gone = makeStreams()
  const lost = once(gone.far, 'error')
  const failedWrite = new Promise((resolve) => gone.far.write('x', resolve))
  gone.nearPort.close()
  expect(await lost).toMatchObject([{ code: 'peer-unreachable' }])
  expect(await failedWrite).toMatchObject({ code: 'peer-unreachable' })
})
