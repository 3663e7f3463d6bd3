import { describe, expect, it } from 'vitest'
import { WHEEL_TICK_MS } from '../../../src/net/deadline-wheel.ts'
import { RunningTime, TURN_MS_MAX } from '../../../src/net/running-time.ts'

describe('RunningTime', () => {
  it('is the clock as long as it is looked at in time', () => {
    const running = new RunningTime(1000)
    for (const clockMs of [1000, 1000 + WHEEL_TICK_MS, 1040 + 2 * WHEEL_TICK_MS]) {
      expect(running.at(clockMs)).toBe(clockMs)
    }
  })

  it('leaves out what stood still, for as long as that was', () => {
    const running = new RunningTime(0)
    running.at(50)
    expect(running.at(3_600_050)).toBe(50 + TURN_MS_MAX)
    expect(running.at(3_600_100)).toBe(100 + TURN_MS_MAX)
  })

  it('goes on with every turn of a loop that is always late', () => {
    const running = new RunningTime(0)
    for (let turn = 1; turn <= 10; turn++) {
      expect(running.at(turn * 700)).toBe(turn * TURN_MS_MAX)
    }
  })

  it('takes no step back, and counts nothing twice', () => {
    const running = new RunningTime(0, 500)
    expect(running.at(80)).toBe(580)
    expect(running.at(20)).toBe(580)
    expect(running.at(90)).toBe(590)
  })
})
