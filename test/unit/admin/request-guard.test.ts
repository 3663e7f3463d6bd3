import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { InetAddress } from '../../../src/base/address.ts'
import { adminServer, ask, change, startAdmin, TOKEN } from './raw-admin.ts'

const EVERYWHERE: InetAddress = { kind: 'inet', host: '0.0.0.0', port: 0 }

describe('Host, on a loopback address', () => {
  it.each(['localhost', 'LocalHost:8404', '127.0.0.1', '127.0.0.1:80', '[::1]:9000'])(
    '%s is answered',
    async (host) => {
      const port = await startAdmin()
      expect((await ask(port, { headers: [`Host: ${host}`] })).status).toBe(200)
      expect((await ask(port, change([`Host: ${host}`]))).status).toBe(200)
    },
  )

  it.each([
    'evil.example',
    'evil.example:8404',
    'localhost.evil.example',
    'evil.example#localhost',
    'localhost@evil.example',
    'localhost:8404:evil',
    '127.0.0.2',
    '127.0.0.1.evil.example',
    '[::2]',
    'localhost.',
    '0.0.0.0',
    '',
  ])('"%s" is refused on every path that tells or changes something', async (host) => {
    const port = await startAdmin()
    const headers = [`Host: ${host}`]
    const paths = ['/api/v1/servers', '/api/v1/servers/app/app1', '/api/v1/info', '/stats;csv', '/']
    for (const path of paths) {
      const { status, text } = await ask(port, { path, headers })
      expect([path, status]).toEqual([path, 421])
      expect(text).toContain('"code":"host-refused"')
    }
    expect((await ask(port, change(headers))).status).toBe(421)
  })

  it.each(['/healthz', '/readyz', '/metrics'])('may be any for %s', async (path) => {
    const port = await startAdmin()
    expect((await ask(port, { path, headers: ['Host: sluice.example'] })).status).toBe(200)
  })

  it('may be the bound address', async () => {
    const port = await startAdmin({ bind: { kind: 'inet', host: '127.0.0.9', port: 0 } })
    const target = { port, host: '127.0.0.9' }
    expect((await ask(target, { headers: ['Host: 127.0.0.9'] })).status).toBe(200)
    expect((await ask(target, { headers: ['Host: 127.0.0.8'] })).status).toBe(421)
  })

  it('is refused where there are two', async () => {
    const port = await startAdmin()
    const headers = ['Host: localhost', 'Host: evil.example']
    expect((await ask(port, { headers })).status).toBe(421)
    expect((await ask(port, { path: '/healthz', headers })).status).toBe(421)
  })

  it('is not taken from the request target', async () => {
    const port = await startAdmin()
    const path = `http://localhost:${port}/api/v1/servers`
    expect((await ask(port, { path, headers: ['Host: evil.example'] })).status).toBe(421)
  })
})

it('Host may be any where the token guards, and on a Unix socket', async () => {
  const port = await startAdmin({ bind: EVERYWHERE })
  const headers = ['Host: lb.example', `Authorization: Bearer ${TOKEN}`]
  expect((await ask(port, { headers })).status).toBe(200)
  expect((await ask(port, change(headers))).status).toBe(200)
  const folder = mkdtempSync(join(tmpdir(), 'sluice-guard-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'admin.sock')
  const server = adminServer({ bind: null })
  onTestFinished(() => server.close())
  await server.listenOnSocket(path, { mode: 0o600, gid: null })
  expect((await ask({ path }, { headers: ['Host: any'] })).status).toBe(200)
  expect((await ask({ path }, change(['Host: any']))).status).toBe(200)
  expect((await ask({ path }, change(['Host: any', 'Origin: http://evil.example']))).status).toBe(
    403,
  )
})

describe('Origin', () => {
  it('is answered where it is the admin address itself', async () => {
    const port = await startAdmin()
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`]) {
      const headers = [`Host: ${host}`, `Origin: http://${host}`]
      expect((await ask(port, { headers })).status).toBe(200)
      expect((await ask(port, change(headers))).status).toBe(200)
    }
  })

  it.each([
    'http://evil.example',
    'null',
    '',
    'http://localhost',
    'http://localhost:3000',
    'https://localhost:8404',
    'http://127.0.0.1:8404',
    'http://localhost:8404.evil.example',
    'http://localhost:8404, http://evil.example',
  ])('"%s" is refused, whatever is asked', async (origin) => {
    const port = await startAdmin()
    const headers = ['Host: localhost:8404', `Origin: ${origin}`]
    for (const path of ['/api/v1/servers', '/metrics', '/healthz', '/']) {
      const { status, text } = await ask(port, { path, headers })
      expect([path, status]).toEqual([path, 403])
      expect(text).toContain('"code":"origin-refused"')
      expect(text).not.toMatch(/access-control/i)
    }
    expect((await ask(port, change(headers))).status).toBe(403)
  })

  it('is refused with the token too', async () => {
    const port = await startAdmin({ bind: EVERYWHERE })
    const headers = ['Host: lb.example', `Authorization: Bearer ${TOKEN}`]
    const evil = 'Origin: http://evil.example'
    expect((await ask(port, change([...headers, evil]))).status).toBe(403)
    const own = 'Origin: http://lb.example'
    expect((await ask(port, change([...headers, own]))).status).toBe(200)
  })

  it('gets no permission when a browser asks for one before a change', async () => {
    const port = await startAdmin()
    const headers = ['Host: localhost', 'Origin: http://a', 'Access-Control-Request-Method: PATCH']
    const { status, text } = await ask(port, { method: 'OPTIONS', headers })
    expect(status).toBe(403)
    expect(text).not.toMatch(/access-control/i)
  })
})
