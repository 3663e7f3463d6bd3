import { once } from 'node:events'
import { createServer, Socket } from 'node:net'
import { expect, it } from 'vitest'
import { descriptorOf, listenWith } from '../../../../../src/net/engines/node/node-handle.ts'

it('finds the descriptor of a listening server', async () => {
  const server = createServer().listen(0)
  await once(server, 'listening')
  expect(descriptorOf(server)).toBeGreaterThan(2)
  server.close()
})

it('fails with a code where the shape is not as known', () => {
  const idle = createServer()
  const unsupported = expect.objectContaining({ code: 'platform-unsupported' })
  expect(() => descriptorOf(idle)).toThrow(unsupported)
  expect(() => listenWith(new Socket(), 1, () => {})).toThrow(unsupported)
})
