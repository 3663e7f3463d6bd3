import { describe, expect, it } from 'vitest'
import {
  type AnyDriver,
  hasQuorum,
  mayHaveQuorum,
} from '../../../../src/consensus/group/engine-view.ts'
import { RAFT_DEFAULTS } from '../../../../src/consensus/raft/raft-defaults.ts'
import { DriverLab, foundingOf } from '../driver/driver-lab.ts'

const silenceMaxMs = RAFT_DEFAULTS.electionMaxMs

describe('a quorum', () => {
  it('is there while things are agreed on, and not where disks hang', () => {
    const lab = new DriverLab(foundingOf('lb1')).lead()
    const { scheduler, store } = lab
    const driver: AnyDriver = lab.driver
    const view = { scheduler, silenceMaxMs }
    expect(hasQuorum(driver, view)).toBe(true)
    store.isAutomatic = false
    driver.propose(new Uint8Array(3), null)
    scheduler.pass(silenceMaxMs - 1)
    expect(hasQuorum(driver, view)).toBe(true)
    scheduler.pass(1)
    expect(hasQuorum(driver, view)).toBe(false)
    expect(mayHaveQuorum(driver, view)).toBe(false)
  })
})
