import { expect, it } from 'vitest'
import { DeadlineWheel } from '../../../../src/net/deadline-wheel.ts'
import { HangUpWatch } from '../../../../src/worker/clients/hang-up-watch.ts'
import { FakeConn } from '../fake-network.ts'
import { CONNECT_MS, passTime, start } from '../session-lab.ts'

function startWatch(count: number) {
  const wheel = new DeadlineWheel(0)
  const watch = new HangUpWatch(wheel)
  const clients = Array.from({ length: count }, () => new FakeConn())
  for (const client of clients) watch.add(client)
  return { watch, clients, pass: (ms: number) => passTime(wheel, ms) }
}

it('closes those that have hung up, and no others', () => {
  const { watch, clients, pass } = startWatch(4)
  const [first, second, third, fourth] = clients as [FakeConn, FakeConn, FakeConn, FakeConn]
  second.hungUp = true
  third.hungUp = true
  watch.remove(third)
  pass(200)
  expect(clients.map(({ destroyed }) => destroyed)).toEqual([false, true, false, false])
  fourth.hungUp = true
  pass(200)
  expect([first.destroyed, fourth.destroyed]).toEqual([false, true])
})

it('comes to everyone, however many they are, and goes on after nobody was left', () => {
  const { watch, clients, pass } = startWatch(3000)
  for (const client of clients) client.hungUp = true
  pass(50)
  const closed = (): number => clients.filter(({ destroyed }) => destroyed).length
  expect(closed()).toBeLessThan(clients.length)
  pass(1000)
  expect(closed()).toBe(clients.length)
  const late = new FakeConn()
  late.hungUp = true
  watch.add(late)
  pass(100)
  expect(late.destroyed).toBe(true)
})

it('looks at a client until it has a server, and not after it', () => {
  const lab = start()
  lab.client.receive('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const server = lab.connectServer()
  lab.client.hungUp = true
  lab.pass(CONNECT_MS / 2)
  expect([lab.client.destroyed, server.destroyed]).toEqual([false, false])
  const other = lab.connectClient()
  other.receive('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  other.hungUp = true
  lab.pass(CONNECT_MS / 2)
  expect(other.destroyed).toBe(true)
})
