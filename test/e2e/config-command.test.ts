import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { freePort } from './support/ports.ts'
import { NODE, runProgram, runSluice, SLUICE } from './support/processes.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const GOOD = `
frontends:
  web:
    bind: 127.0.0.1:8080
    default_backend: app
backends:
  app:
    servers:
      s1: 127.0.0.1:8081
`

/** Writes a config and returns its path. */
function fileWith(text: string): string {
  const file = join(temporaryFolder(), 'lb.yaml')
  writeFileSync(file, text)
  return file
}

describe('sluice check', () => {
  it('ends with 0 on a good file', async () => {
    expect(await runSluice('check', '-f', fileWith(GOOD))).toMatchObject({ code: 0, stderr: '' })
  })

  it.each([
    ['an unknown key', GOOD.replace('default_backend', 'defualt_backend'), 5, 5, 'default_backend'],
    ['a dangling reference', GOOD.replace('backend: app', 'backend: api'), 5, 22, 'app'],
    ['a wrong type', GOOD.replace('127.0.0.1:8080', '[1, 2]'), 4, 12, ''],
    ['no YAML', GOOD.replace('bind: ', 'bind: ['), 4, undefined, ''],
  ])('points at %s, and ends with 1', async (_, text, line, column, hint) => {
    const file = fileWith(text)
    const { code, stdout, stderr } = await runSluice('check', '-f', file)
    expect(code).toBe(1)
    const output = stdout + stderr
    const place = /lb\.yaml:(\d+):(\d+)/.exec(output)
    if (column !== undefined) {
      expect([Number(place?.[1]), Number(place?.[2])]).toEqual([line, column])
      expect(output).toContain(text.split('\n')[line - 1]?.trim())
    }
    expect(place).not.toBeNull()
    expect(output).toMatch(/^[ |\d]*\^/m)
    expect(output).toContain(hint)
  })

  it('reports every fault of a file at once', async () => {
    const text = GOOD.replace('bind', 'bnid').replace('servers', 'sevrers')
    const { stdout, stderr } = await runSluice('check', '-f', fileWith(text))
    expect(stdout + stderr).toMatch(/lb\.yaml:4:5.*lb\.yaml:8:5/s)
  })

  it('reads standard input where the file is -', async () => {
    const check = (stdin: string) => runProgram(NODE, [SLUICE, 'check', '-f', '-'], { stdin })
    expect(await check(GOOD)).toMatchObject({ code: 0, stdout: '<stdin>: the config is valid\n' })
    const { code, stderr } = await check(GOOD.replace('bind', 'bnid'))
    expect(code).toBe(1)
    expect(stderr).toContain('<stdin>:4:5: error: unknown key "bnid"')
  })

  it('prints what it finds as JSON', async () => {
    const good = await runSluice('check', '--json', '-f', fileWith(GOOD))
    expect(good).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(good.stdout)).toMatchObject({ valid: true, diagnostics: [] })
    const file = fileWith(GOOD.replace('bind', 'bnid'))
    const bad = await runSluice('check', '--json', '-f', file)
    expect(bad).toMatchObject({ code: 1, stderr: '' })
    const problem = { severity: 'error', code: 'unknown-key', line: 4, col: 5, endCol: 9 }
    expect(JSON.parse(bad.stdout)).toMatchObject({ file, valid: false })
    const { diagnostics } = JSON.parse(bad.stdout) as { diagnostics: unknown[] }
    expect(diagnostics).toContainEqual(
      expect.objectContaining({ ...problem, hint: 'Did you mean "bind"?' }),
    )
  })

  it('prints as JSON what the config names and cannot be read', async () => {
    const text = `${GOOD}defaults: {mode: http, errorfile: {503: /nowhere/503.http}}\n`
    const { code, stdout } = await runSluice('check', '--json', '-f', fileWith(text))
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      valid: false,
      diagnostics: [
        {
          code: 'unusable-file',
          line: 10,
          col: 41,
          message: expect.stringContaining('/nowhere/503.http'),
        },
      ],
    })
  })

  it('points at all that the file names and this host lacks, or nothing with --offline', async () => {
    const text = `
global: {log: {access: /nowhere/access.log}}
admin: {bind: "203.0.113.7:8404", token-file: /nowhere/token, ssl: off}
frontends:
  web:
    bind: ["127.0.0.1:8080", {address: "203.0.113.8:8080"}]
    default_backend: app
backends:
  app: {servers: {s1: "no-such-host.invalid:80"}}
`
    const file = fileWith(text)
    const { code, stdout, stderr } = await runSluice('check', '-f', file)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    const heads = [...stderr.matchAll(/lb\.yaml:(\d+:\d+: .*)/g)].map(([, head]) => head)
    expect(heads).toEqual([
      expect.stringMatching(/^2:24: error: cannot append to \/nowhere\/access\.log: ENOENT/),
      expect.stringMatching(/^3:15: error: 203\.0\.113\.7:8404: this host has no such address/),
      expect.stringMatching(/^3:47: error: cannot read \/nowhere\/token: ENOENT/),
      expect.stringMatching(/^6:40: error: 203\.0\.113\.8:8080: this host has no such address/),
      expect.stringMatching(/^9:23: warning: the host name no-such-host\.invalid is not found/),
    ])
    const offline = await runSluice('check', '--offline', '-f', file)
    expect(offline).toMatchObject({ code: 0, stderr: '' })
    const run = await runSluice('run', '-f', file)
    expect({ code: run.code, stdout: run.stdout }).toEqual({ code: 1, stdout: '' })
    const refused = [...run.stderr.matchAll(/lb\.yaml:(\d+:\d+: error: .*)/g)].map(([, one]) => one)
    expect(refused).toEqual(heads.slice(0, -1))
    expect(run.stderr).toContain('(config-unusable)')
  })

  it('ends with 1 on a file that is not there', async () => {
    const { code, stderr } = await runSluice('check', '-f', join(temporaryFolder(), 'none.yaml'))
    expect(code).toBe(1)
    expect(stderr).toContain('none.yaml')
  })
})

describe('sluice run', () => {
  it('refuses a bad file as check does, and binds nothing', async () => {
    const port = await freePort()
    const text = GOOD.replace('8080', String(port)).replace('backend: app', 'backend: api')
    const { code, stdout, stderr } = await runSluice('run', '-f', fileWith(text))
    expect(code).toBe(1)
    expect(stdout + stderr).toContain('lb.yaml:5:22')
    expect(stdout + stderr).not.toContain('listening')
  })
})

describe('sluice schema', () => {
  it('prints a JSON Schema that takes a good file and refuses a bad one', async () => {
    const { code, stdout } = await runSluice('schema')
    expect(code).toBe(0)
    const validate = new Ajv2020({ strict: false }).compile(JSON.parse(stdout) as object)
    expect(validate(parse(GOOD)), JSON.stringify(validate.errors)).toBe(true)
    expect(validate(parse(GOOD.replace('default_backend', 'defualt_backend')))).toBe(false)
  })
})

describe('errors of a command with --json', () => {
  it.each([
    ['a file that is not there', ['check', '--json', '-f', 'none.yaml'], 1, 'config-unreadable'],
    ['a daemon that is not there', ['server', 'list', '--json'], 1, 'admin-unreachable'],
    ['a wrong option', ['server', 'list', '--json', '--nonsense'], 2, 'usage'],
  ])('are JSON: %s', async (_, args, status, code) => {
    const env = { ...process.env, SLUICE_ADMIN: `http://127.0.0.1:${await freePort()}` }
    const ended = await runProgram(NODE, [SLUICE, ...args], { env })
    expect(ended).toMatchObject({ code: status, stdout: '' })
    const error = { code, message: expect.any(String), hint: expect.any(String) }
    expect(JSON.parse(ended.stderr)).toEqual(error)
  })
})

describe('usage errors', () => {
  it.each([
    ['an unknown command', ['nonsense']],
    ['an unknown option', ['check', '--nonsense']],
    ['a missing option', ['check']],
    ['a missing file name', ['run', '-f']],
  ])('end with 2: %s', async (_, args) => {
    const { code, stderr } = await runSluice(...args)
    expect(code).toBe(2)
    expect(stderr).not.toBe('')
  })

  it('are not what --help and --version are', async () => {
    expect(await runSluice('--help')).toMatchObject({ code: 0, stderr: '' })
    expect(await runSluice('--version')).toMatchObject({ code: 0, stderr: '' })
  })
})
