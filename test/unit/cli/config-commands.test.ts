import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ErrorCode } from '../../../src/base/errors.ts'
import {
  type ConfigApplyOptions,
  configApply,
  configConfirm,
  configRollback,
} from '../../../src/cli/config-change-commands.ts'
import {
  type ConfigShowOptions,
  configDiff,
  configHistory,
  configShow,
} from '../../../src/cli/config-show-commands.ts'
import type { ConnectionOptions, ReadOptions } from '../../../src/cli/daemon-connection.ts'
import { CONFIG_BODY_BYTES_MAX } from '../../../src/model/change-limits.ts'
import { startForCommands } from '../admin/raw-admin.ts'
import { FakeCluster, STATE } from '../operations/fake-cluster.ts'
import { sourceOf } from '../operations/fake-source.ts'
import { type Output, output } from './command-run.ts'

const TEXT = '\ufeffa: 1 # "é"\r\nb: 2'

function fileWith(content: string | Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'lb.yaml')
  writeFileSync(file, content)
  return file
}

function apply(options: ConfigApplyOptions): Promise<Output> {
  return output((io) => configApply(options, io))
}

async function show(options: ConfigShowOptions): Promise<string> {
  return (await output((io) => configShow(options, io))).out
}

describe('config apply', () => {
  it('sends the file as it is, and says what came of it', async () => {
    const cluster = new FakeCluster()
    const admin = await startForCommands({ cluster })
    const said = await apply({ admin, file: fileWith(TEXT) })
    expect(said).toEqual({
      out: 'version 4 is active\nlb2 cannot be reached: it will run it when it is back\n',
      warnings: '',
    })
    const author = 'lb1, admin socket'
    expect(cluster.calls).toEqual([
      ['applyConfig', { text: TEXT, ifVersion: null, comment: '', confirmMs: null, author }],
    ])
  })

  it('hands over its options', async () => {
    const cluster = new FakeCluster()
    const admin = await startForCommands({ cluster })
    const options = { ifVersion: '0', comment: 'why', confirm: '90s' }
    const { out } = await apply({ admin, file: fileWith('a: 1'), ...options })
    expect(out).toContain('goes back in 90s unless you run: sluice config confirm 4\n')
    expect(cluster.calls).toMatchObject([
      ['applyConfig', { ifVersion: 0, comment: 'why', confirmMs: 90_000 }],
    ])
  })

  it('says where the config was active already, and writes warnings apart', async () => {
    const cluster = new FakeCluster()
    const nodes = [] as const
    cluster.outcome = { version: 3, isChanged: false, warnings: 'lb.yaml:1:1: beware\n', nodes }
    const admin = await startForCommands({ cluster })
    const said = await apply({ admin, file: fileWith('a: 1'), confirm: '10s' })
    expect(said).toEqual({
      out: 'version 3 is active already\n',
      warnings: 'lb.yaml:1:1: beware\n',
    })
    const { out } = await apply({ admin, file: fileWith('a: 1'), confirm: '10s', json: true })
    expect(JSON.parse(out)).toMatchObject({ version: 3, changed: false })
  })

  it.each([
    [{ ifVersion: '' }, '--if-version'],
    [{ ifVersion: '-1' }, '--if-version'],
    [{ ifVersion: 'x' }, '--if-version'],
    [{ confirm: '' }, '--confirm'],
    [{ confirm: '1.5s' }, 'Write 1500ms'],
    [{ confirm: '-1s' }, 'negative'],
    [{ confirm: '999ms' }, '1s or more'],
    [{ confirm: '10' }, '1s or more'],
    [{ confirm: '30d' }, 'too long'],
  ])('%j is a wrong use, and nothing is asked', async (options, message) => {
    const cluster = new FakeCluster()
    const admin = await startForCommands({ cluster })
    await expect(apply({ admin, file: fileWith('a: 1'), ...options })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(message),
    })
    expect(cluster.calls).toEqual([])
  })

  it('fails on a file that is not there, is no UTF-8, or is too long', async () => {
    const cluster = new FakeCluster()
    const admin = await startForCommands({ cluster })
    for (const file of ['none.yaml', fileWith(Buffer.from([0x61, 0xff]))]) {
      await expect(apply({ admin, file })).rejects.toMatchObject({ code: 'config-unreadable' })
    }
    const long = fileWith('a'.repeat(CONFIG_BODY_BYTES_MAX))
    await expect(apply({ admin, file: long })).rejects.toMatchObject({ code: 'body-too-large' })
    expect(cluster.calls).toEqual([])
  })

  it.each<ErrorCode>(['config-invalid', 'config-conflict', 'cluster-unprepared', 'no-quorum'])(
    'fails with %s of the daemon, with its own words',
    async (code) => {
      const admin = await startForCommands({ cluster: FakeCluster.failing('applyConfig', code) })
      const failed = expect(apply({ admin, file: fileWith('a: 1') })).rejects
      await failed.toMatchObject({ code, message: 'applyConfig has failed' })
    },
  )

  it('names the file where the daemon points at its text', async () => {
    const cluster = FakeCluster.failing(
      'applyConfig',
      'config-invalid',
      'the config is not valid\nconfig:2:3: error: unknown key "config:1:1: b"\n 2 |   config:2:3: x\n',
    )
    const file = fileWith('a: 1')
    const failed = expect(apply({ admin: await startForCommands({ cluster }), file })).rejects
    const message = `the config is not valid\n${file}:2:3: error: unknown key "config:1:1: b"\n 2 |   config:2:3: x\n`
    await failed.toMatchObject({ code: 'config-invalid', message })
  })
})

describe('config rollback and confirm', () => {
  const rollback = (version: string | undefined, options: ConnectionOptions) =>
    output((io) => configRollback(version, options, io))
  const confirm = (version: string | undefined, options: ConnectionOptions) =>
    output((io) => configConfirm(version, options, io))

  it.each([
    [undefined, null],
    ['2', 2],
  ])('of %s go to that version', async (version, asked) => {
    const cluster = new FakeCluster()
    const admin = await startForCommands({ cluster })
    expect((await rollback(version, { admin })).out).toMatch(/^version 4 is active\n/)
    expect((await confirm(version, { admin })).out).toBe(`version ${asked ?? 3} stays\n`)
    expect(cluster.calls).toEqual([
      ['rollbackConfig', asked, 'lb1, admin socket'],
      ['confirmConfig', asked],
    ])
  })

  it.each(['0', '-1', 'x', '', '1.0'])('of "%s" are a wrong use', async (version) => {
    await expect(rollback(version, {})).rejects.toMatchObject({ code: 'usage' })
    await expect(confirm(version, {})).rejects.toMatchObject({ code: 'usage' })
  })

  it('print JSON', async () => {
    const admin = await startForCommands()
    expect(JSON.parse((await confirm('3', { admin, json: true })).out)).toEqual({ version: 3 })
    const { out } = await rollback('1', { admin, json: true })
    expect(JSON.parse(out)).toMatchObject({ version: 4, changed: true })
  })
})

describe('config show', () => {
  it('prints the text exactly as it was written', async () => {
    const cluster = new FakeCluster()
    const [first, ...others] = STATE.versions
    const versions = first === undefined ? [] : [{ ...first, text: TEXT }, ...others]
    cluster.agreed = { ...STATE, versions }
    const admin = await startForCommands({ cluster })
    expect(await show({ admin })).toBe('a: 1\nb: 3 # why\n')
    expect(await show({ admin, version: '1' })).toBe(TEXT)
    const json = JSON.parse(await show({ admin, version: '1', json: true }))
    expect(json).toMatchObject({ version: 1, text: TEXT })
  })

  it('fails for a version that there is not', async () => {
    const admin = await startForCommands()
    await expect(show({ admin, version: '9' })).rejects.toMatchObject({
      code: 'config-version-unknown',
    })
    await expect(show({ admin, version: 'v1' })).rejects.toMatchObject({ code: 'usage' })
  })
})

describe('config show of a node that runs something else', () => {
  it.each([
    [{ version: 3, note: '' }, ''],
    [
      { version: 2, note: 'cannot run version 3: no room' },
      'this node runs version 2, not version 3: cannot run version 3: no room\n',
    ],
    [{ version: 0, note: '' }, 'this node runs its file, not version 3\n'],
    [{ version: 3, note: 'lb.yaml was\nchanged' }, 'lb.yaml was changed\n'],
  ])('%j', async (running, warnings) => {
    const source = sourceOf({ running: () => Promise.resolve(running) })
    const admin = await startForCommands({ source })
    const text = STATE.versions.at(-1)?.text
    const said = await output((io) => configShow({ admin }, io))
    expect(said).toEqual({ out: text, warnings })
    const asJson = await output((io) => configShow({ admin, json: true }, io))
    expect(asJson.warnings).toBe('')
    expect(JSON.parse(asJson.out)).toMatchObject({ text, running })
    const earlier = await output((io) => configShow({ admin, version: '1' }, io))
    expect(earlier.warnings).toBe('')
  })
})

describe('config history', () => {
  const history = async (options: ReadOptions) =>
    (await output((io) => configHistory(options, io))).out

  it('prints an aligned table, and what is to be confirmed', async () => {
    expect(await history({ admin: await startForCommands() })).toBe(
      [
        'VERSION  TIME                      AUTHOR          CAUSE  RESULT       COMMENT',
        '      1  2026-01-02T03:04:05.000Z  lb1, admin API  seed   superseded   -',
        '      2  2026-01-02T03:04:06.000Z  lb2, admin API  apply  superseded   change 1',
        '      3  2026-01-02T03:04:07.000Z  lb3, admin API  apply  unconfirmed  change 2',
        'version 3 goes back to 2 at 2026-01-02T03:05:05.000Z unless confirmed',
        '',
      ].join('\n'),
    )
  })

  it('keeps to one line what a comment says in several', async () => {
    const cluster = new FakeCluster()
    const [first] = STATE.versions
    const comment = 'one\n  two\u001b[31m'
    const versions = first === undefined ? [] : [{ ...first, comment }]
    cluster.agreed = { ...STATE, activeVersion: 1, versions, confirmation: null }
    const admin = await startForCommands({ cluster })
    expect((await history({ admin })).split('\n')[1]).toMatch(/ {2}one {3}two \[31m$/)
    expect(JSON.parse(await history({ admin, json: true }))).toMatchObject({
      active: 1,
      versions: [{ comment }],
    })
  })
})

describe('config diff', () => {
  const diff = async (from: string | undefined, to: string | undefined, options: ReadOptions) =>
    (await output((io) => configDiff(from, to, options, io))).out

  it.each([
    [undefined, undefined, '-b: 2\n+b: 3 # why\n', 2, 3],
    ['1', undefined, '+b: 3 # why\n', 1, 3],
    ['3', '1', '-b: 3 # why\n', 3, 1],
    ['0', '1', '+a: 1\n', 0, 1],
  ])('%s %s prints a unified diff', async (from, to, end, older, newer) => {
    const admin = await startForCommands()
    const out = await diff(from, to, { admin })
    expect(out.startsWith(`--- version ${older}\n+++ version ${newer}\n@@ `)).toBe(true)
    expect(out.endsWith(end)).toBe(true)
    const json = JSON.parse(await diff(from, to, { admin, json: true }))
    expect(json).toEqual({ from: older, to: newer, diff: out })
  })

  it('prints nothing where there is no difference', async () => {
    expect(await diff('2', '2', { admin: await startForCommands() })).toBe('')
  })

  it.each([
    ['x', undefined],
    ['1', '-1'],
  ])('%s %s is a wrong use', async (from, to) => {
    await expect(diff(from, to, {})).rejects.toMatchObject({ code: 'usage' })
  })

  it.each([
    ['show', (options: ReadOptions) => show(options)],
    ['history', (options: ReadOptions) => output((io) => configHistory(options, io))],
    ['diff', (options: ReadOptions) => diff(undefined, undefined, options)],
  ])('and its like need a quorum, unless --stale: %s', async (_, command) => {
    const cluster = FakeCluster.failing('read', 'no-quorum')
    const admin = await startForCommands({ cluster })
    await expect(command({ admin })).rejects.toMatchObject({ code: 'no-quorum' })
    await expect(command({ admin, stale: true })).resolves.toBeDefined()
  })
})
