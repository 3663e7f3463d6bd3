import { expect, it } from 'vitest'
import {
  lowestFreeDescriptor,
  openFilesLimit,
  setOpenFilesLimit,
} from '../../../src/net/descriptor.ts'
import { DescriptorGauge } from '../../../src/net/descriptor-gauge.ts'

/** A gauge, and how often it has called for descriptors. */
function gaugeWith(numbersMax: number) {
  const gauge = new DescriptorGauge()
  gauge.numbersMax = numbersMax
  const calls = { count: 0 }
  gauge.onShort = () => {
    calls.count++
  }
  return { gauge, calls }
}

it('is not short while lower numbers are given, or none has been said to be the last', () => {
  const { gauge, calls } = gaugeWith(100)
  gauge.given(99)
  new DescriptorGauge().given(2 ** 30)
  expect([gauge.isShort(), calls.count]).toEqual([false, 0])
})

it('is short from the first high number until a lower one is free again', () => {
  const { gauge, calls } = gaugeWith(lowestFreeDescriptor())
  for (let n = 0; n < 3; n++) gauge.given(gauge.numbersMax + n)
  expect([gauge.isShort(), calls.count]).toEqual([true, 1])
  gauge.numbersMax++
  expect(gauge.isShort()).toBe(false)
  gauge.given(gauge.numbersMax)
  expect(calls.count).toBe(2)
})

it('is short while the system has none left', () => {
  const { gauge, calls } = gaugeWith(1_000_000)
  const before = openFilesLimit()
  setOpenFilesLimit({ soft: 1, hard: before.hard })
  gauge.refused()
  const isShort = gauge.isShort()
  setOpenFilesLimit(before)
  expect([isShort, calls.count, gauge.isShort()]).toEqual([true, 1, false])
})

it('is seen to be short though nothing was refused, and to be so no more', () => {
  const { gauge, calls } = gaugeWith(lowestFreeDescriptor())
  expect([gauge.isShort(), gauge.look(), gauge.isShort(), calls.count]).toEqual([
    false,
    true,
    true,
    1,
  ])
  gauge.numbersMax++
  expect([gauge.look(), calls.count]).toEqual([false, 1])
})
