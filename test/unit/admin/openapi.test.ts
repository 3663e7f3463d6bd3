import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { openApi } from '../../../src/admin/openapi.ts'
import { routesOf } from '../../../src/admin/routes.ts'
import { SERVERS, sourceOf } from './admin-fixture.ts'
import { ask, startAdmin } from './raw-admin.ts'

interface Document {
  readonly paths: Readonly<Record<string, object>>
  readonly components: { readonly schemas: Readonly<Record<string, { properties: object }>> }
}

const document = openApi('1.2.3') as unknown as Document

/** Whether a value is what the document says; ajv's errors where not. */
function errorsOf(schema: string, value: unknown): unknown {
  const ajv = new Ajv2020({ strict: false })
  ajv.addSchema(document, 'api')
  const validate = ajv.getSchema(`api#/components/schemas/${schema}`)
  if (validate === undefined) throw new Error(`no schema ${schema}`)
  void validate(value)
  return validate.errors ?? null
}

describe('the OpenAPI document', () => {
  it('names the paths that there are, with their methods', () => {
    const told = Object.entries(document.paths).map(([path, item]) => {
      const methods = Object.keys(item).filter((key) => key !== 'parameters')
      return [path.replaceAll(/\{\w+\}/g, 'a'), methods.map((method) => method.toUpperCase())]
    })
    const inApi = routesOf(sourceOf()).filter(({ path }) =>
      /v1\\\/(info|servers)/.test(path.source),
    )
    expect(told.length).toBe(inApi.length)
    for (const [path, methods] of told) {
      const route = inApi.find((candidate) => candidate.path.test(String(path)))
      expect(methods).toEqual(route?.PATCH === undefined ? ['GET'] : ['GET', 'PATCH'])
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
    [{ state: 'drain' }, true],
    [{ weight: 256, state: 'ready' }, true],
    [{}, false],
    [{ weight: 257 }, false],
    [{ state: 'down' }, false],
    [{ address: '10.0.0.1' }, false],
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
