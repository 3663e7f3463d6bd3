import { describe, expect, it } from 'vitest'
import { formatAddress, isLoopback, isSameAddress } from '../../../src/base/address.ts'

it.each([
  [{ kind: 'inet', host: '10.0.0.1', port: 80 }, '10.0.0.1:80'],
  [{ kind: 'inet', host: '::1', port: 8080 }, '[::1]:8080'],
  [{ kind: 'inet', host: 'app.local', port: 1 }, 'app.local:1'],
  [{ kind: 'unix', path: '/run/app.sock' }, 'unix@/run/app.sock'],
] as const)('formats %j', (address, text) => {
  expect(formatAddress(address)).toBe(text)
})

it('takes addresses for the same that are written the same', () => {
  const one = { kind: 'inet', host: '10.0.0.1', port: 80 } as const
  expect(isSameAddress(one, { ...one })).toBe(true)
  expect(isSameAddress(one, { ...one, port: 81 })).toBe(false)
  expect(isSameAddress(one, { kind: 'unix', path: '10.0.0.1:80' })).toBe(false)
})

describe('only this host reaches', () => {
  it.each(['127.0.0.1', '127.0.0.0', '127.255.255.255', '::1', '::ffff:127.0.0.1', 'localhost'])(
    '%s',
    (host) => {
      expect(isLoopback({ kind: 'inet', host, port: 80 })).toBe(true)
    },
  )

  it('a Unix socket', () => {
    expect(isLoopback({ kind: 'unix', path: '/run/app.sock' })).toBe(true)
  })

  it.each([
    '126.255.255.255',
    '128.0.0.1',
    '0.0.0.0',
    '10.127.0.0.1',
    '127.0.0.1.example',
    '127.0.0.256',
    '127.1.1',
    '::',
    '::2',
    '::ffff:10.0.0.1',
    '2001:db8::1',
    'localhost.example',
    'app.local',
    '',
  ])('not "%s"', (host) => {
    expect(isLoopback({ kind: 'inet', host, port: 80 })).toBe(false)
  })
})
