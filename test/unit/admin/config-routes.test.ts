import { describe, expect, it } from 'vitest'
import { BODY_BYTES_MAX } from '../../../src/admin/request-body.ts'
import { AdminTokens } from '../../../src/admin/tokens.ts'
import { type ErrorCode, SluiceError } from '../../../src/base/errors.ts'
import { CONFIG_BODY_BYTES_MAX } from '../../../src/model/change-limits.ts'
import { FakeCluster, STATE } from '../operations/fake-cluster.ts'
import { sourceOf } from '../operations/fake-source.ts'
import { recordingLog } from './admin-fixture.ts'
import { ask, askJson, startAdmin, TOKEN } from './raw-admin.ts'

const CONFIG = '/api/v1/config'
const HOST = ['Host: localhost']

/** Sends a text as YAML. */
function yaml(text: string, query = '') {
  const framing = [`Content-Length: ${Buffer.byteLength(text)}`, 'Content-Type: application/yaml']
  return { method: 'POST', path: CONFIG + query, headers: [...HOST, ...framing], body: text }
}

describe('reading', () => {
  it('the active config tells its text, whence it came, and until when it is to be confirmed', async () => {
    const { status, json } = await askJson(await startAdmin(), 'GET', CONFIG)
    expect(status).toBe(200)
    expect(json).toEqual({
      version: 3,
      time: '2026-01-02T03:04:07.000Z',
      author: 'lb3, admin API',
      comment: 'change 2',
      cause: 'apply',
      result: 'unconfirmed',
      running: { version: 3, note: '' },
      text: 'a: 1\nb: 3 # why\n',
      confirmation: { version: 3, previous: 2, deadline: '2026-01-02T03:05:05.000Z' },
    })
  })

  it('its text alone is as it was written', async () => {
    const port = await startAdmin()
    const { text } = await ask(port, { path: `${CONFIG}/text`, headers: HOST })
    expect(text).toMatch(/^content-type: text\/plain; charset=utf-8\r$/im)
    expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toBe('a: 1\nb: 3 # why\n')
  })

  it.each(['read', 'operate'] as const)('has its secrets masked for level %s', async (level) => {
    const tokens = new AdminTokens([
      { name: null, level: 'admin', token: TOKEN },
      { name: 'ours', level, token: 'ours-token' },
    ])
    const secret = 'backends: {app: {dynamic-cookie-key: s3cret}}\n'
    const [first, ...others] = STATE.versions
    const versions = [
      ...others,
      { ...(first as (typeof STATE.versions)[0]), version: 4, text: secret },
    ]
    const cluster = new FakeCluster()
    cluster.agreed = { ...STATE, versions, activeVersion: 4 }
    const port = await startAdmin({ tokens, cluster })
    for (const path of ['', '/text', '/versions/4', '/diff']) {
      const asked = async (token: string): Promise<string> => {
        const headers = [...HOST, `Authorization: Bearer ${token}`]
        return (await ask(port, { path: CONFIG + path, headers })).text
      }
      expect(await asked('ours-token')).toMatch(/^HTTP\/1\.1 200 [\s\S]*dynamic-cookie-key: \*\*\*/)
      expect(await asked('ours-token')).not.toContain('s3cret')
      expect(await asked(TOKEN)).toContain('s3cret')
    }
  })

  it('the history tells of all versions, without their texts', async () => {
    const { json } = await askJson(await startAdmin(), 'GET', `${CONFIG}/versions`)
    expect(json).toMatchObject({ active: 3, confirmation: { version: 3, previous: 2 } })
    const { versions } = json as { versions: object[] }
    expect(versions.map((version) => Object.values(version)[0])).toEqual([1, 2, 3])
    expect(versions[0]).toEqual({
      version: 1,
      time: '2026-01-02T03:04:05.000Z',
      author: 'lb1, admin API',
      comment: '',
      cause: 'seed',
      result: 'superseded',
    })
  })

  it('one version has its text', async () => {
    const { json } = await askJson(await startAdmin(), 'GET', `${CONFIG}/versions/2`)
    expect(json).toMatchObject({ version: 2, text: 'a: 1\nb: 2\n' })
    expect(json).not.toHaveProperty('confirmation')
  })

  it.each([
    ['', 2, 3, '-b: 2\n+b: 3 # why\n'],
    ['?from=1', 1, 3, '+b: 3 # why\n'],
    ['?to=2', 1, 2, '+b: 2\n'],
    ['?from=3&to=2', 3, 2, '-b: 3 # why\n+b: 2\n'],
    ['?to=1', 0, 1, '+a: 1\n'],
  ])('the difference%s is that from %i to %i', async (query, from, to, lines) => {
    const { status, json } = await askJson(await startAdmin(), 'GET', `${CONFIG}/diff${query}`)
    expect([status, json]).toMatchObject([200, { from, to }])
    const { diff } = json as { diff: string }
    expect(diff).toMatch(new RegExp(`^--- version ${from}\n\\+\\+\\+ version ${to}\n@@ `))
    expect(diff.endsWith(lines)).toBe(true)
  })

  it('the difference of a version to itself is none', async () => {
    const { json } = await askJson(await startAdmin(), 'GET', `${CONFIG}/diff?from=2&to=2`)
    expect(json).toEqual({ from: 2, to: 2, diff: '' })
  })

  it.each([
    ['/versions/4', 404, 'config-version-unknown'],
    ['/versions/0', 404, 'config-version-unknown'],
    ['/versions/1e0', 404, 'not-found'],
    ['/versions/-1', 404, 'not-found'],
    ['/diff?from=9', 404, 'config-version-unknown'],
    ['/diff?from=', 400, 'request-invalid'],
    ['/diff?from=-1', 400, 'request-invalid'],
    ['/diff?to=1.5', 400, 'request-invalid'],
    ['?stale=yes', 400, 'request-invalid'],
  ])('%s is refused with %i %s', async (path, status, code) => {
    const answer = await askJson(await startAdmin(), 'GET', CONFIG + path)
    expect([answer.status, answer.json]).toMatchObject([status, { code }])
  })

  it('tells a version that is no longer kept from one that never was', async () => {
    const cluster = new FakeCluster()
    cluster.agreed = { ...STATE, versions: STATE.versions.slice(1) }
    const port = await startAdmin({ cluster })
    const gone = await askJson(port, 'GET', `${CONFIG}/versions/1`)
    expect(gone.json).toMatchObject({ message: 'version 1 is no longer kept' })
    const never = await askJson(port, 'GET', `${CONFIG}/versions/4`)
    expect(never.json).toMatchObject({ message: 'version 4 has not been' })
  })

  it('before the first version there is none', async () => {
    const cluster = new FakeCluster()
    cluster.agreed = { ...STATE, activeVersion: 0, versions: [], confirmation: null }
    const port = await startAdmin({ cluster })
    for (const path of ['', '/text', '/diff']) {
      expect((await askJson(port, 'GET', CONFIG + path)).status).toBe(404)
    }
    const { json } = await askJson(port, 'GET', `${CONFIG}/versions`)
    expect(json).toEqual({ active: 0, confirmation: null, versions: [] })
  })
})

describe('what is agreed on', () => {
  const PATHS = [
    '/api/v1/servers',
    '/api/v1/servers/app/app1',
    CONFIG,
    `${CONFIG}/text`,
    `${CONFIG}/versions`,
    `${CONFIG}/versions/1`,
    `${CONFIG}/diff`,
  ]

  it.each(PATHS)('%s waits until this node knows what any has acknowledged', async (path) => {
    const cluster = new FakeCluster()
    const port = await startAdmin({ cluster })
    expect((await askJson(port, 'GET', path)).status).toBe(200)
    expect(cluster.calls).toEqual([['read']])
  })

  it.each(PATHS)('%s is not told without a quorum, but stale', async (path) => {
    const cluster = FakeCluster.failing('read', 'no-quorum')
    const caughtUp = () => Promise.reject(new SluiceError('no-quorum', 'waits for ever'))
    const events: string[] = []
    const source = sourceOf({ caughtUp })
    const port = await startAdmin({ cluster, source, log: recordingLog(events) })
    const { status, json, head } = await askJson(port, 'GET', path)
    expect([status, json]).toMatchObject([503, { code: 'no-quorum' }])
    expect((json as { hint: string }).hint).toMatch(/\?stale.*--stale/)
    expect(head).toMatch(/^retry-after: 1$/im)
    cluster.calls.length = 0
    for (const query of ['?stale', '?stale=true', '?stale=']) {
      expect((await askJson(port, 'GET', path + query)).status).toBe(200)
    }
    expect(cluster.calls).toEqual([])
    expect((await askJson(port, 'GET', `${path}?stale=false`)).status).toBe(503)
    expect(events).toEqual([])
  })

  it.each(['/healthz', '/readyz', '/metrics', '/stats;csv', '/api/v1/info', '/api/v1/cluster'])(
    '%s is not part of, and told without a quorum',
    async (path) => {
      const cluster = FakeCluster.failing('read', 'no-quorum')
      const port = await startAdmin({ cluster })
      expect((await ask(port, { path, headers: HOST })).status).toBe(200)
      expect(cluster.calls).not.toContainEqual(['read'])
    },
  )
})

describe('applying', () => {
  it('hands over what goes with the text, and who asks', async () => {
    const cluster = new FakeCluster()
    const port = await startAdmin({ cluster, node: 'lb2' })
    const given = { text: 'a: 2\n', ifVersion: 3, comment: 'why', confirmMs: 1000 }
    const { status, json } = await askJson(port, 'POST', CONFIG, given)
    expect(status).toBe(200)
    expect(json).toEqual({
      version: 4,
      changed: true,
      warnings: '',
      nodes: [
        { name: 'lb1', result: 'prepared' },
        { name: 'lb2', result: 'unreachable' },
      ],
    })
    expect(cluster.calls).toEqual([['applyConfig', { ...given, author: 'lb2, admin API' }]])
  })

  it('takes what is left out as not asked for', async () => {
    const cluster = new FakeCluster()
    await askJson(await startAdmin({ cluster }), 'POST', CONFIG, { text: '' })
    const author = 'lb1, admin API'
    expect(cluster.calls).toEqual([
      ['applyConfig', { text: '', ifVersion: null, comment: '', confirmMs: null, author }],
    ])
  })

  it('takes the text as YAML, byte by byte, with the rest in the query', async () => {
    const cluster = new FakeCluster()
    const port = await startAdmin({ cluster })
    const text = '\ufeffa: "é"\r\n# end'
    const query = '?ifVersion=3&comment=why%20not&confirmMs=60000'
    expect((await ask(port, yaml(text, query))).status).toBe(200)
    const given = { ifVersion: 3, comment: 'why not', confirmMs: 60_000, author: 'lb1, admin API' }
    expect(cluster.calls).toEqual([['applyConfig', { text, ...given }]])
  })

  it.each(['?ifVersion=', '?ifVersion=x', '?confirm=60s', '?text=a', '?comment=a&if=1'])(
    'with a text in YAML refuses the query %s',
    async (query) => {
      const cluster = new FakeCluster()
      const port = await startAdmin({ cluster })
      expect((await ask(port, yaml('a: 1', query))).status).toBe(422)
      expect(cluster.calls).toEqual([])
    },
  )

  it.each([
    [{}, 'text is missing'],
    [{ text: 7 }, 'text is 7'],
    ['a: 1', 'not an object'],
    [{ text: '', ifVersion: -1 }, 'ifVersion is -1'],
    [{ text: '', ifVersion: '3' }, 'ifVersion is \\"3\\"'],
    [{ text: '', confirmMs: 999 }, 'confirmMs is 999'],
    [{ text: '', confirmMs: 2 ** 31 }, 'confirmMs is 2147483648'],
    [{ text: '', comment: 'a'.repeat(1001) }, 'comment has 1001'],
    [{ text: '', author: 'somebody else' }, '\\"author\\" is none of'],
  ])('%j is refused', async (body, message) => {
    const cluster = new FakeCluster()
    const port = await startAdmin({ cluster })
    const { status, json } = await askJson(port, 'POST', CONFIG, body)
    expect([status, json]).toMatchObject([422, { code: 'change-invalid' }])
    expect(JSON.stringify(json)).toContain(message)
    expect(cluster.calls).toEqual([])
  })

  it('takes a body that no other path takes, up to its own bound', async () => {
    const cluster = new FakeCluster()
    const port = await startAdmin({ cluster })
    const text = 'a'.repeat(CONFIG_BODY_BYTES_MAX)
    expect((await ask(port, yaml(text))).status).toBe(200)
    expect((await ask(port, yaml(`${text}a`))).status).toBe(413)
    const path = `${CONFIG}/rollback`
    const long = { version: 1, comment: 'a'.repeat(BODY_BYTES_MAX) }
    expect((await askJson(port, 'POST', path, long)).status).toBe(413)
    expect(cluster.calls).toHaveLength(1)
  })

  it.each([
    ['text/plain', CONFIG],
    ['text/yaml', CONFIG],
    ['application/x-www-form-urlencoded', CONFIG],
    ['application/yaml', `${CONFIG}/rollback`],
    ['application/yaml', '/api/v1/servers/app'],
  ])('refuses %s for %s', async (type, path) => {
    const headers = [...HOST, 'Content-Length: 2', `Content-Type: ${type}`]
    const cluster = new FakeCluster()
    const port = await startAdmin({ cluster })
    expect((await ask(port, { method: 'POST', path, headers, body: '{}' })).status).toBe(415)
    expect(cluster.calls).toEqual([])
  })

  it.each<[ErrorCode, number]>([
    ['config-invalid', 422],
    ['cluster-unprepared', 422],
    ['address-in-use', 422],
    ['config-conflict', 409],
    ['confirmation-pending', 409],
    ['no-quorum', 503],
    ['overloaded', 503],
    ['proposal-dropped', 503],
    ['engine-stopped', 503],
    ['outcome-unknown', 504],
    ['invariant-broken', 500],
  ])('that fails with %s gets %i', async (code, status) => {
    const events: string[] = []
    const cluster = FakeCluster.failing('applyConfig', code)
    const port = await startAdmin({ cluster, log: recordingLog(events) })
    const { json, head, ...answer } = await askJson(port, 'POST', CONFIG, { text: '' })
    expect([answer.status, json]).toMatchObject([status, { code }])
    const isTemporary = status === 503 && code !== 'engine-stopped'
    expect(/^retry-after: 1$/im.test(head)).toBe(isTemporary)
    const failures = status === 500 ? ['admin-request-failed'] : []
    expect(events.sort()).toEqual(['admin-change', ...failures])
  })
})

describe('confirming and going back', () => {
  it.each([
    ['confirm', {}, ['confirmConfig', null], { version: 3 }],
    ['confirm', { version: 2 }, ['confirmConfig', 2], { version: 2 }],
    ['rollback', {}, ['rollbackConfig', null, 'lb1, admin API'], { version: 4, changed: true }],
    ['rollback', { version: 1 }, ['rollbackConfig', 1, 'lb1, admin API'], { version: 4 }],
  ])('%s %j', async (path, body, call, answered) => {
    const cluster = new FakeCluster()
    const port = await startAdmin({ cluster })
    const { status, json } = await askJson(port, 'POST', `${CONFIG}/${path}`, body)
    expect([status, json]).toMatchObject([200, answered])
    expect(cluster.calls).toEqual([call])
  })

  it.each(['confirm', 'rollback'])('%s of what is no version is refused', async (path) => {
    const cluster = new FakeCluster()
    const port = await startAdmin({ cluster })
    for (const body of [{ version: 0 }, { version: '1' }, { version: null }, { v: 1 }, []]) {
      expect((await askJson(port, 'POST', `${CONFIG}/${path}`, body)).status).toBe(422)
    }
    expect(cluster.calls).toEqual([])
  })

  it.each<[string, string, ErrorCode]>([
    ['confirm', 'confirmConfig', 'confirmation-unknown'],
    ['rollback', 'rollbackConfig', 'config-version-unknown'],
  ])('%s of an unknown version gets 404', async (path, method, code) => {
    const port = await startAdmin({ cluster: FakeCluster.failing(method, code) })
    const { status, json } = await askJson(port, 'POST', `${CONFIG}/${path}`, { version: 9 })
    expect([status, json]).toMatchObject([404, { code }])
  })
})
