import { afterEach, expect, it } from 'vitest'
import { type RunningDaemon, SignalInbox } from '../../../src/supervisor/signal-inbox.ts'

const SIGNALS = ['SIGHUP', 'SIGUSR1', 'SIGTERM', 'SIGINT'] as const
const before = new Map(SIGNALS.map((signal) => [signal, process.listeners(signal)]))

afterEach(() => {
  // The inbox lets go of the channel, which here is the test runner's.
  process.channel?.ref()
  for (const signal of SIGNALS) {
    for (const listener of process.listeners(signal)) {
      if (before.get(signal)?.includes(listener) !== true) process.off(signal, listener)
    }
  }
})

/** A daemon that keeps what it is asked for. */
function recorded(asked: string[]): RunningDaemon {
  return {
    reload: () => asked.push('reload'),
    reopenLogs: () => asked.push('reopen'),
    stop: () => asked.push('stop'),
    abort: () => asked.push('abort'),
  }
}

/** What a daemon is asked for, given the signals before and after its start. */
function askedFor(
  early: readonly NodeJS.Signals[],
  late: readonly NodeJS.Signals[] = [],
  interruptGapMs = 0,
): string[] {
  const asked: string[] = []
  const inbox = new SignalInbox(interruptGapMs)
  for (const signal of early) process.emit(signal)
  inbox.deliverTo(recorded(asked))
  for (const signal of late) process.emit(signal)
  return asked
}

it.each([
  [['SIGHUP', 'SIGUSR1', 'SIGHUP'], [], ['reload', 'reopen']],
  [['SIGHUP', 'SIGTERM'], [], ['stop']],
  [[], ['SIGHUP', 'SIGHUP', 'SIGUSR1'], ['reload', 'reload', 'reopen']],
  [[], ['SIGTERM', 'SIGINT'], ['stop', 'stop']],
  [[], ['SIGINT', 'SIGINT'], ['stop', 'abort']],
  [['SIGINT'], ['SIGINT'], ['stop', 'abort']],
] as const)('%j during the start and %j after it', (early, late, expected) => {
  expect(askedFor(early, late)).toEqual(expected)
})

it('takes a SIGINT that is passed on for the same Ctrl-C', () => {
  expect(askedFor([], ['SIGINT', 'SIGINT'], 10_000)).toEqual(['stop'])
})

it('tells of a stop during the start once', () => {
  const inbox = new SignalInbox()
  let told = 0
  inbox.onStopInStart(() => told++)
  expect(inbox.isStopAsked).toBe(false)
  process.emit('SIGTERM')
  process.emit('SIGTERM')
  expect([inbox.isStopAsked, told]).toEqual([true, 1])
  inbox.onStopInStart(() => told++)
  expect(told).toBe(2)
})
