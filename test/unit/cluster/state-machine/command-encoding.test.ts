import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../../src/base/errors.ts'
import { COMMAND_BYTES_MAX } from '../../../../src/cluster/state-machine/bounds.ts'
import {
  decodeCommand,
  encodeCommand,
  FORMAT,
} from '../../../../src/cluster/state-machine/command-encoding.ts'
import type { Command } from '../../../../src/cluster/state-machine/commands.ts'
import { activation, anyCommand, reportOf } from './command-lab.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const decodeText = (text: string): Command | null => {
  return decodeCommand(bytesOf(text))?.command ?? null
}
const formatIn = (text: string): number => (JSON.parse(text) as { format: number }).format
const envelope = (command: unknown): string => JSON.stringify({ format: 1, command })

const serverSet = (more: Readonly<Record<string, unknown>>): unknown => ({
  kind: 'server-set',
  backend: 'a',
  server: 'b',
  state: null,
  weight: null,
  address: null,
  unset: [],
  ...more,
})

describe('the encoding of commands', () => {
  it('gives back every command', () => {
    fc.assert(
      fc.property(anyCommand, (command) => {
        expect(decodeCommand(encodeCommand(command, FORMAT))?.command).toEqual(command)
      }),
    )
  })

  // What logs hold: these texts must be read by every version to come.
  it.each<[string, Command]>([
    [
      '{"format":1,"command":{"kind":"config-activate","expectedVersion":3,"text":"a: 1\\n","servers":["app/a"],"backends":[{"name":"app","healthAgreement":"any","watchers":2}],"author":"lb1","timeMs":5,"comment":"c","cause":"apply","confirmMs":60000}}',
      {
        kind: 'config-activate',
        expectedVersion: 3,
        text: 'a: 1\n',
        servers: ['app/a'],
        backends: [{ name: 'app', healthAgreement: 'any', watchers: 2 }],
        author: 'lb1',
        timeMs: 5,
        comment: 'c',
        cause: 'apply',
        confirmMs: 60_000,
      },
    ],
    [
      '{"format":1,"command":{"kind":"config-confirm","version":4}}',
      { kind: 'config-confirm', version: 4 },
    ],
    [
      '{"format":1,"command":{"kind":"config-expire","version":4,"timeMs":9}}',
      { kind: 'config-expire', version: 4, timeMs: 9 },
    ],
    [
      '{"format":1,"command":{"kind":"server-add","backend":"app","server":"x","address":"h:1","weight":null}}',
      { kind: 'server-add', backend: 'app', server: 'x', address: 'h:1', weight: null, author: '' },
    ],
    [
      '{"format":1,"command":{"kind":"server-set","backend":"app","server":"x","state":"drain","weight":null,"address":null,"unset":[]}}',
      { kind: 'server-set', backend: 'app', server: 'x', state: 'drain', unset: [], author: '' },
    ],
    [
      '{"format":1,"command":{"kind":"server-set","backend":"app","server":"x","state":null,"weight":0,"address":"h:1","unset":["state"]}}',
      {
        kind: 'server-set',
        backend: 'app',
        server: 'x',
        weight: 0,
        address: 'h:1',
        unset: ['state'],
        author: '',
      },
    ],
    [
      '{"format":1,"command":{"kind":"server-remove","backend":"app","server":"x"}}',
      { kind: 'server-remove', backend: 'app', server: 'x', author: '' },
    ],
    [
      '{"format":1,"command":{"kind":"health-report","node":"lb1","run":"r","verdicts":[{"key":"app/x","isUp":null,"reason":"lb1 saw"}]}}',
      reportOf('lb1', { 'app/x': null }, 'r'),
    ],
    [
      '{"format":1,"command":{"kind":"witnesses-set","nodes":["lb1","lb2"]}}',
      { kind: 'witnesses-set', nodes: ['lb1', 'lb2'] },
    ],
    [
      '{"format":2,"command":{"kind":"server-add","backend":"app","server":"x","address":"h:1","weight":3,"author":"lb1"}}',
      {
        kind: 'server-add',
        backend: 'app',
        server: 'x',
        address: 'h:1',
        weight: 3,
        author: 'lb1',
      },
    ],
    [
      '{"format":2,"command":{"kind":"server-set","backend":"app","server":"x","state":"maint","weight":null,"address":null,"unset":["weight"],"author":"lb1"}}',
      {
        kind: 'server-set',
        backend: 'app',
        server: 'x',
        state: 'maint',
        unset: ['weight'],
        author: 'lb1',
      },
    ],
    [
      '{"format":2,"command":{"kind":"server-remove","backend":"app","server":"x","author":"lb1"}}',
      { kind: 'server-remove', backend: 'app', server: 'x', author: 'lb1' },
    ],
    [
      '{"format":2,"command":{"kind":"format-raise","format":2}}',
      { kind: 'format-raise', format: 2 },
    ],
  ])('is, and stays, %s', (text, command) => {
    expect(textOf(encodeCommand(command, formatIn(text)))).toBe(text)
    expect(decodeText(text)).toEqual(command)
  })

  it.each([
    ['nothing', ''],
    ['no JSON', '{"format":1,'],
    ['no map', '[]'],
    ['no format', '{"command":{"kind":"config-confirm","version":4}}'],
    ['a format that is none', '{"format":0,"command":{"kind":"config-confirm","version":4}}'],
    ['a format of another type', '{"format":"1","command":{"kind":"config-confirm","version":4}}'],
    [
      'one member more outside',
      '{"format":1,"more":1,"command":{"kind":"config-confirm","version":4}}',
    ],
    ['no command', envelope(null)],
    ['no kind', envelope({ version: 4 })],
    ['a kind that is none', envelope({ kind: 'config-forget', version: 4 })],
    ['a kind of every object', envelope({ kind: 'constructor' })],
    ['a member too few', envelope({ kind: 'config-confirm' })],
    ['a member too many', envelope({ kind: 'config-confirm', version: 4, more: 1 })],
    ['a number out of range', envelope({ kind: 'config-confirm', version: -1 })],
    ['a fraction', envelope({ kind: 'config-confirm', version: 1.5 })],
    ['a number past what is exact', envelope({ kind: 'config-confirm', version: 2 ** 53 })],
    ['a server that is no name', envelope({ kind: 'server-remove', backend: 'a', server: 'b/c' })],
    [
      'a name of every object',
      envelope({ kind: 'server-remove', backend: '__proto__', server: 'b' }),
    ],
    [
      'a weight out of range',
      envelope({ kind: 'server-add', backend: 'a', server: 'b', address: 'h:1', weight: 257 }),
    ],
    ['a state that is none', envelope(serverSet({ state: 'up' }))],
    ['a setting that is none', envelope(serverSet({ unset: ['check'] }))],
    ['a setting that is unset twice', envelope(serverSet({ unset: ['state', 'state'] }))],
    ['settings in another order', envelope(serverSet({ unset: ['weight', 'state'] }))],
    [
      'a setting that is set and unset',
      envelope(serverSet({ weight: 0, unset: ['state', 'weight'] })),
    ],
    ['a change that says nothing of what is unset', envelope(serverSet({ unset: undefined }))],
    [
      'too many witnesses',
      envelope({ kind: 'witnesses-set', nodes: Array.from({ length: 65 }, (_, n) => `lb${n}`) }),
    ],
    [
      'a format that is raised to in another',
      '{"format":2,"command":{"kind":"format-raise","format":1}}',
    ],
    [
      'a member that its format does not have',
      envelope({ kind: 'server-remove', backend: 'a', server: 'b', author: 'lb1' }),
    ],
    ['what its format does not have', envelope({ kind: 'format-raise', format: 1 })],
    ['a time to confirm that is too short', envelope(activation(1, 'a', { confirmMs: 999 }))],
  ])('is not %s', (_, text) => {
    expect(decodeText(text)).toBeNull()
  })

  it('leaves out what an older format cannot say', () => {
    const command = { kind: 'server-remove', backend: 'app', server: 'x', author: 'lb1' } as const
    expect(decodeCommand(encodeCommand(command, 1))).toEqual({
      format: 1,
      command: { ...command, author: '' },
    })
    expect(decodeCommand(encodeCommand(command, 2))).toEqual({ format: 2, command })
  })

  it('is not what is no UTF-8, nor what is too long', () => {
    expect(decodeCommand(new Uint8Array([0x22, 0xff, 0x22]))).toBeNull()
    const spaces = new Uint8Array(COMMAND_BYTES_MAX).fill(0x20)
    const confirm = encodeCommand({ kind: 'config-confirm', version: 1 }, 1)
    expect(decodeCommand(new Uint8Array([...confirm, 0x20]))).not.toBeNull()
    const long = new Uint8Array(COMMAND_BYTES_MAX + 1)
    long.set(spaces)
    long.set(confirm)
    long[COMMAND_BYTES_MAX] = 0x20
    expect(decodeCommand(long)).toBeNull()
  })

  it('refuses to make what it would not read', () => {
    const text = '\u0001'.repeat(1_000_000)
    expect(() => encodeCommand(activation(0, text), 1)).toThrow(
      expect.objectContaining({ code: 'body-too-large' }),
    )
  })

  it('is a command, or null, or of a newer program: nothing else comes of any bytes', () => {
    const mutated = fc
      .tuple(anyCommand, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.boolean())
      .map(([command, at, byte, isCut]) => {
        const bytes = encodeCommand(command, FORMAT)
        bytes[at % bytes.length] = byte
        return isCut ? bytes.slice(0, at % bytes.length) : bytes
      })
    const json = fc.json().map((text) => bytesOf(`{"format":1,"command":${text}}`))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), json, mutated), (bytes) => {
        try {
          const agreed = decodeCommand(bytes)
          if (agreed === null) return
          const { command, format } = agreed
          expect(decodeCommand(encodeCommand(command, format))).toEqual(agreed)
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError)
          expect((error as SluiceError).code).toBe('state-newer')
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
