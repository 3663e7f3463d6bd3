import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../../src/base/errors.ts'
import { decodeState } from '../../../../src/cluster/state-machine/state-snapshot.ts'
import { activation, anyHistory, openLab, reportOf } from './command-lab.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

function snapshotOf(): Uint8Array {
  const { machine, apply } = openLab()
  apply(activation(0, 'a: 1\n', { cause: 'seed' }))
  apply(activation(1, 'two', { confirmMs: 1_000 }))
  apply({ kind: 'witnesses-set', nodes: ['lb2', 'lb1'] })
  apply(reportOf('lb2', { 'app/b': false, 'app/a': true }))
  apply(reportOf('lb1', { 'app/a': true }))
  apply({
    kind: 'server-set',
    backend: 'app',
    server: 'b',
    state: 'drain',
    unset: [],
    author: 'me',
  })
  return machine.snapshot()
}

describe('the snapshot of the state', () => {
  // What data directories hold: these bytes must be read by every version to come.
  it('is, and stays, written like this', () => {
    const app =
      '{"servers":["app/a","app/b"],"backends":[{"name":"app","healthAgreement":"majority","watchers":null}]}'
    expect(textOf(snapshotOf())).toBe(
      `{"format":1,"versions":[${[
        '{"version":1,"text":"a: 1\\n","author":"lb1","timeMs":1000,"comment":"","cause":"seed","result":"superseded"}',
        '{"version":2,"text":"two","author":"lb1","timeMs":1000,"comment":"","cause":"apply","result":"unconfirmed"}',
      ]}],"activeVersion":2,"confirmation":{"version":2,"previous":1,"deadlineMs":2000},` +
        `"active":${app},"previous":${app},` +
        '"pool":[{"backend":"app","server":"b","isAdded":false,"address":null,"state":"drain","weight":null}],' +
        '"health":{"witnesses":["lb1","lb2"],"runs":[["lb1","run1"],["lb2","run1"]],' +
        '"reports":[["app/a",[["lb1",{"isUp":true,"reason":"lb1 saw"}],["lb2",{"isUp":true,"reason":"lb2 saw"}]]],["app/b",[["lb2",{"isUp":false,"reason":"lb2 saw"}]]]],' +
        '"verdicts":[["app/a",{"isUp":true,"reason":"lb1 saw"}]]}}',
    )
  })

  it('says the format of the cluster, which it is written in', () => {
    const { machine, apply } = openLab()
    machine.restore(snapshotOf())
    apply({ kind: 'format-raise', format: 2 })
    const raised = machine.snapshot()
    expect(textOf(raised)).toBe(textOf(snapshotOf()).replace('"format":1', '"format":2'))
    const again = openLab().machine
    again.restore(raised)
    expect(again.state).toEqual(machine.state)
  })

  it('is not that of a newer program', () => {
    const newer = textOf(snapshotOf()).replace('"format":1', '"format":3,"more":[]')
    expect(() => decodeState(bytesOf(newer))).toThrow(
      expect.objectContaining({ code: 'state-newer' }),
    )
  })

  it.each([
    ['no JSON', '{'],
    ['no map', 'null'],
    ['a member too few', '{"format":1}'],
    ['a wrong member', textOf(snapshotOf()).replace('"activeVersion":2', '"activeVersion":"2"')],
  ])('is not %s', (_, text) => {
    expect(() => decodeState(bytesOf(text))).toThrow(
      expect.objectContaining({ code: 'invariant-broken' }),
    )
  })

  it('is a state, or a coded error: nothing else comes of any bytes', () => {
    const cut = fc.tuple(anyHistory, fc.nat(), fc.integer({ min: 32, max: 126 }))
    fc.assert(
      fc.property(cut, ([commands, at, byte]) => {
        const { machine, apply } = openLab()
        for (const command of commands) apply(command)
        const bytes = machine.snapshot()
        bytes[at % bytes.length] = byte
        try {
          const again = openLab().machine
          again.restore(bytes)
          expect(again.state.versions).toHaveLength(machine.state.versions.length)
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError)
        }
      }),
    )
  })
})
