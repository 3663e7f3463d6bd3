import { expect, it } from 'vitest'
import { eventForPeople } from '../../../src/telemetry/event-for-people.ts'

const time = '2026-11-30T12:00:01.250Z'

/** An event as it is shown, without its time of day. */
function shown(event: Readonly<Record<string, unknown>>): string {
  const text = eventForPeople(JSON.stringify({ level: 'info', time, event: 'e', ...event }))
  expect(text).toMatch(/^\d\d:\d\d:\d\d /)
  return text.slice('00:00:00 '.length)
}

it.each([
  [{ message: 'listening on :80' }, 'listening on :80\n'],
  [{ node: 'lb1', message: 'it leads' }, 'lb1 it leads\n'],
  [{ level: 'warn', node: 'lb1', message: 'low' }, 'warn lb1 low\n'],
  [{ level: 'error', message: 'no', hint: 'Do this.' }, 'error no\n         Do this.\n'],
  [
    { message: 'no', error: { source: 'operator', hint: 'Do that.', stack: 'at a' } },
    'no\n         Do that.\n',
  ],
  [
    { message: 'no', error: { source: 'internal', stack: 'E\n at a' } },
    'no\n         E\n          at a\n',
  ],
  [{ message: 'a\nb' }, 'a\n         b\n'],
])('%j', (event, expected) => {
  expect(shown(event)).toBe(expected)
})

it('gives a terminal nothing that it would take for a command', () => {
  expect(shown({ message: '\u001b[2J\r\u009b' })).toBe('\\x1b[2J\\x0d\\x9b\n')
})

it('leaves what is no event as it is', () => {
  expect(eventForPeople('Warning: of somebody else\n')).toBe('Warning: of somebody else\n')
  expect(eventForPeople('17')).toBe('17\n')
})
