import { expect, it } from 'vitest'
import { formatAddress } from '../../../src/model/address.ts'

it.each([
  [{ kind: 'inet', host: '10.0.0.1', port: 80 }, '10.0.0.1:80'],
  [{ kind: 'inet', host: '::1', port: 8080 }, '[::1]:8080'],
  [{ kind: 'inet', host: 'app.local', port: 1 }, 'app.local:1'],
  [{ kind: 'unix', path: '/run/app.sock' }, 'unix@/run/app.sock'],
] as const)('formats %j', (address, text) => {
  expect(formatAddress(address)).toBe(text)
})
