import { describe, expect, it } from 'vitest'
import type { ServerChange } from '../../../../src/operations/contract/servers.ts'
import {
  parseServerAddition,
  parseServerChange,
} from '../../../../src/operations/inputs/server-inputs.ts'

describe('a change', () => {
  it.each<[ServerChange]>([
    [{ state: 'ready' }],
    [{ state: 'drain' }],
    [{ state: 'maint' }],
    [{ weight: 0 }],
    [{ weight: 256 }],
    [{ state: 'drain', weight: 7 }],
    [{ address: '10.0.0.1:80' }],
    [{ address: '[::1]:80', weight: 1 }],
    [{ address: 'unix@/run/app.sock' }],
    [{ address: 'app.example:80' }],
  ])('%j is taken as it is', (body) => {
    expect(parseServerChange(body)).toEqual(body)
  })

  it.each([
    [null, 'object'],
    [[], 'object'],
    ['drain', 'object'],
    [7, 'object'],
    [{}, 'nothing'],
    [{ state: 'down' }, '"down"'],
    [{ state: 'READY' }, '"READY"'],
    [{ state: null }, 'null'],
    [{ state: ['drain'] }, 'state'],
    [{ weight: -1 }, '-1'],
    [{ weight: 257 }, '257'],
    [{ weight: 1.5 }, '1.5'],
    [{ weight: '5' }, '"5"'],
    [{ weight: null }, 'null'],
    [{ weight: 1, address: '10.0.0.1' }, 'port'],
    [{ address: '' }, 'port'],
    [{ address: ':80' }, 'host'],
    [{ address: 80 }, 'address is 80'],
    [{ address: `${'a'.repeat(300)}:80` }, '303 characters'],
    [{ weight: 1, backup: true }, '"backup"'],
    [{ weight: 1, ['__proto__']: 1 }, '"__proto__"'],
    [{ weight: 300, state: 'drain' }, '300'],
  ])('%j is refused', (body, named) => {
    expect(() => parseServerChange(body)).toThrowError(
      expect.objectContaining({
        code: 'change-invalid',
        message: expect.stringContaining(named),
      }),
    )
  })
})

describe('a server to be added', () => {
  it.each([
    [{ name: 'app3', address: '10.0.0.13:80' }],
    [{ name: 'app3', address: 'unix@/run/app.sock', weight: 0 }],
  ])('%j is taken as it is', (body) => {
    expect(parseServerAddition(body)).toEqual(body)
  })

  it.each([
    [{ address: '10.0.0.13:80' }, 'name is missing'],
    [{ name: 'app3' }, 'address is missing'],
    [{ name: '', address: '10.0.0.13:80' }, 'a name has'],
    [{ name: 'a/b', address: '10.0.0.13:80' }, 'a name has'],
    [{ name: '__proto__', address: '10.0.0.13:80' }, 'a name has'],
    [{ name: 'a'.repeat(65), address: '10.0.0.13:80' }, 'a name has'],
    [{ name: 7, address: '10.0.0.13:80' }, 'name is 7'],
    [{ name: 'app3', address: '10.0.0.13' }, 'port'],
    [{ name: 'app3', address: '10.0.0.13:80', weight: 257 }, '257'],
    [{ name: 'app3', address: '10.0.0.13:80', state: 'drain' }, '"state"'],
  ])('%j is refused', (body, named) => {
    expect(() => parseServerAddition(body)).toThrowError(
      expect.objectContaining({
        code: 'change-invalid',
        message: expect.stringContaining(named),
      }),
    )
  })
})
