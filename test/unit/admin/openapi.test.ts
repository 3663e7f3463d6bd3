import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { ACCESS, METHODS } from '../../../src/admin/access.ts'
import { openApi } from '../../../src/admin/openapi.ts'
import { routesOf } from '../../../src/admin/routes.ts'
import { FakeCluster } from '../operations/fake-cluster.ts'
import { SERVERS, sourceOf } from '../operations/fake-source.ts'
import { ask, askJson, startAdmin } from './raw-admin.ts'

interface Document {
  readonly paths: Readonly<Record<string, object>>
  readonly components: { readonly schemas: Readonly<Record<string, { properties: object }>> }
}

const document = openApi('1.2.3') as unknown as Document

/** Whether a value is what the document says; ajv's errors where not. */
function errorsOf(schema: string, value: unknown): unknown {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema(document, 'api')
  const validate = ajv.getSchema(`api#/components/schemas/${schema}`)
  if (validate === undefined) throw new Error(`no schema ${schema}`)
  void validate(value)
  return validate.errors ?? null
}

describe('the OpenAPI document', () => {
  it('names the paths that there are, with their methods', () => {
    const told = Object.entries(document.paths).map(([path, item]) => {
      const methods = METHODS.filter((method) => Object.hasOwn(item, method.toLowerCase()))
      return [path.replace('{version}', '1').replaceAll(/\{\w+\}/g, 'a'), methods] as const
    })
    const inApi = routesOf({ source: sourceOf(), cluster: new FakeCluster() }).filter(
      ({ path }) => path.source.includes('v1') && !path.source.includes('openapi'),
    )
    expect(told.length).toBe(inApi.length)
    for (const [path, methods] of told) {
      const route = inApi.find((candidate) => candidate.path.test(path))
      expect([path, methods]).toEqual([path, METHODS.filter((method) => route?.[method])])
    }
  })

  it('has an access for each method of each path, and for nothing else', () => {
    const routes = routesOf({ source: sourceOf(), cluster: new FakeCluster() })
    const served = routes.map((route) => [route.name, METHODS.filter((method) => route[method])])
    const listed = Object.entries(ACCESS).map(([name, byMethod]) => {
      return [name, METHODS.filter((method) => Object.hasOwn(byMethod, method))]
    })
    expect(Object.fromEntries(served)).toEqual(Object.fromEntries(listed))
    expect(served.length).toBe(listed.length)
    for (const { name, path } of routes)
      expect(path.test(name.replaceAll(/\{\w+\}/g, '1'))).toBe(true)
  })

  it('says of each operation what token it takes', () => {
    for (const [path, item] of Object.entries(document.paths)) {
      for (const [method, level] of Object.entries(ACCESS[path as keyof typeof ACCESS])) {
        const operation = (item as Record<string, unknown>)[method.toLowerCase()]
        expect([path, operation]).toEqual([
          path,
          expect.objectContaining({ 'x-level': level, 'security': [{ token: [] }] }),
        ])
      }
    }
  })

  it('describes what is answered, member by member', () => {
    expect(errorsOf('Servers', SERVERS)).toBeNull()
    expect(errorsOf('Info', sourceOf().info())).toBeNull()
    const { properties } = document.components.schemas['Server'] ?? { properties: {} }
    for (const server of SERVERS.servers) {
      expect(Object.keys(server).sort()).toEqual(Object.keys(properties).sort())
    }
    expect(errorsOf('Server', { ...SERVERS.servers[0], state: 'up' })).not.toBeNull()
  })

  it.each([
    ['GET', '/api/v1/servers', undefined, 'Servers'],
    ['GET', '/api/v1/servers/app/app1', undefined, 'Server'],
    ['PATCH', '/api/v1/servers/app/app1', { weight: 1 }, 'Server'],
    ['POST', '/api/v1/servers/app', { name: 'app1', address: '10.0.0.1:80' }, 'Server'],
    ['GET', '/api/v1/config', undefined, 'ActiveConfig'],
    ['POST', '/api/v1/config', { text: 'a: 1' }, 'ConfigOutcome'],
    ['GET', '/api/v1/config/versions', undefined, 'ConfigHistory'],
    ['GET', '/api/v1/config/versions/2', undefined, 'Config'],
    ['GET', '/api/v1/config/diff', undefined, 'ConfigDiff'],
    ['POST', '/api/v1/config/confirm', {}, 'Confirmed'],
    ['POST', '/api/v1/config/rollback', {}, 'ConfigOutcome'],
    ['GET', '/api/v1/certificates', undefined, 'Certificates'],
    ['POST', '/api/v1/certificates/reload', {}, 'CertificateReloadOutcome'],
    ['GET', '/api/v1/cluster', undefined, 'Cluster'],
    ['POST', '/api/v1/cluster/nodes', { name: 'lb4', address: '10.0.0.4:7400' }, 'Member'],
    ['POST', '/api/v1/cluster/transfer', { node: 'lb2' }, 'Transfer'],
    ['GET', '/api/v1/config/versions/9', undefined, 'Error'],
  ])('describes the answer of %s %s, and all of it', async (method, path, body, schema) => {
    const { json } = await askJson(await startAdmin(), method, path, body)
    expect(errorsOf(schema, json)).toBeNull()
    const { properties } = document.components.schemas[schema] ?? { properties: {} }
    expect(Object.keys(json as object).sort()).toEqual(Object.keys(properties).sort())
  })

  it.each([
    ['ConfigApplication', { text: '' }, true],
    ['ConfigApplication', { text: '', ifVersion: 0, comment: 'a', confirmMs: 1000 }, true],
    ['ConfigApplication', { text: '', confirmMs: 999 }, false],
    ['ConfigApplication', {}, false],
    ['VersionChoice', {}, true],
    ['VersionChoice', { version: 0 }, false],
    ['ServerAddition', { name: 'a', address: 'b', weight: 256 }, true],
    ['ServerAddition', { name: 'a' }, false],
    ['CertificateReload', { trial: true }, true],
    ['CertificateReload', { trial: 'yes' }, false],
    ['Member', { name: 'a', address: 'b', weight: 1 }, false],
    ['Transfer', {}, false],
  ])('has %s take %j: %s', (schema, body, isValid) => {
    expect(errorsOf(schema, body) === null).toBe(isValid)
  })

  it.each([
    [{ state: 'drain' }, true],
    [{ weight: 256, state: 'ready' }, true],
    [{}, false],
    [{ weight: 257 }, false],
    [{ state: 'down' }, false],
    [{ address: '10.0.0.1:80' }, true],
    [{ backup: true }, false],
  ])('takes %j for a change: %s', (change, isValid) => {
    expect(errorsOf('ServerChange', change) === null).toBe(isValid)
  })

  it.each(['/api/v1/', '/api/v1/openapi.json'])('is at %s', async (path) => {
    const port = await startAdmin()
    const { status, text } = await ask(port, { path, headers: ['Host: localhost'] })
    expect(status).toBe(200)
    const body = JSON.parse(text.slice(text.indexOf('\r\n\r\n')))
    expect(body).toEqual(JSON.parse(JSON.stringify(openApi(sourceOf().info().version))))
  })
})
