import type { Clock } from '../base/clock.ts'
import { type DeadlineWheel, WHEEL_TICK_MS } from './deadline-wheel.ts'
import { RunningTime } from './running-time.ts'

/**
 * Advances a wheel every {@link WHEEL_TICK_MS}, by the time that this thread has run.
 *
 * Before the wheel judges a moment, everything that had arrived by then is read: the present is
 * taken, the event loop polls its sockets, and only then what was due at that present fires. A
 * thread that was late itself never takes its peers for late. HAProxy, too, polls before it runs
 * its timers (run_poll_loop).
 *
 * @param wheel made with the present of the same clock
 * @param onTick called after each advance
 * @returns ends it
 */
export function startTicker(wheel: DeadlineWheel, clock: Clock, onTick: () => void): () => void {
  const running = new RunningTime(clock(), wheel.nowMs)
  const judge = (nowMs: number): void => {
    wheel.advance(nowMs)
    onTick()
  }
  const timer = setInterval(() => {
    const nowMs = running.at(clock())
    wheel.tell(nowMs)
    // The check phase: it follows the poll phase that comes next, which does not wait then.
    setImmediate(judge, nowMs)
  }, WHEEL_TICK_MS)
  return () => clearInterval(timer)
}
