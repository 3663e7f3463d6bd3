import { describe, expect, it } from 'vitest'
import { inRow, type Stage } from '../../../../src/worker/accept/stages.ts'
import type { Place } from '../../../../src/worker/clients/session.ts'
import { FakeConn } from '../fake-network.ts'

const PLACE = {} as Place

describe('stages in a row', () => {
  it('are gone through in order, each begun by the one before, and the session last', () => {
    const seen: string[] = []
    const named =
      (name: string): Stage =>
      (next) =>
      (conn, place) => {
        seen.push(name)
        next(conn, place)
      }
    const begin = inRow([named('first'), named('second')], () => seen.push('session'))
    begin(new FakeConn(), PLACE)
    expect(seen).toEqual(['first', 'second', 'session'])
  })

  it('are made once, not once for each connection', () => {
    let made = 0
    const counting: Stage = (next) => {
      made++
      return next
    }
    const begin = inRow([counting], () => {})
    begin(new FakeConn(), PLACE)
    begin(new FakeConn(), PLACE)
    expect(made).toBe(1)
  })

  it('hand on the place, and the connection that a stage has made over its own', () => {
    const over = new FakeConn()
    const wrapping: Stage = (next) => (_conn, place) => next(over, place)
    const reached: unknown[] = []
    inRow([wrapping], (...all) => reached.push(...all))(new FakeConn(), PLACE)
    expect(reached).toEqual([over, PLACE])
  })

  it('may hold a connection back, or end it', () => {
    let sessions = 0
    const refusing: Stage = () => (conn) => conn.destroy()
    const conn = new FakeConn()
    inRow([refusing], () => sessions++)(conn, PLACE)
    expect([conn.destroyed, sessions]).toEqual([true, 0])
  })
})
