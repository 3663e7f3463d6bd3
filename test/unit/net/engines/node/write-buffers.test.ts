import { expect, it } from 'vitest'
import {
  WRITE_BUFFER_BYTES,
  WRITE_BUFFERS_KEPT_MAX,
  WriteBuffers,
} from '../../../../../src/net/engines/node/write-buffers.ts'

it('hands out what was given back, and never one buffer twice', () => {
  const buffers = new WriteBuffers()
  const first = buffers.take()
  const second = buffers.take()
  expect(first.length).toBe(WRITE_BUFFER_BYTES)
  expect(second).not.toBe(first)
  buffers.give(first)
  expect(buffers.take()).toBe(first)
  expect(buffers.take()).not.toBe(first)
})

it('keeps a bounded number', () => {
  const buffers = new WriteBuffers()
  const taken = Array.from({ length: WRITE_BUFFERS_KEPT_MAX + 5 }, () => buffers.take())
  for (const buffer of taken) buffers.give(buffer)
  const again = taken.map(() => buffers.take())
  expect(again.filter((buffer) => taken.includes(buffer))).toHaveLength(WRITE_BUFFERS_KEPT_MAX)
})
