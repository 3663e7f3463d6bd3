import { expect, it } from 'vitest'
import { banner, commandFor } from '../../../../src/supervisor/demo/demo-banner.ts'

it.each([
  ['a clone', '/src/sluice/bin/sluice', '/src/sluice', 'bin/sluice'],
  ['its own folder', '/src/sluice/bin/sluice', '/src/sluice/bin', './sluice'],
  ['another folder', '/src/sluice/bin/sluice', '/home/me', '/src/sluice/bin/sluice'],
  ['a folder on the PATH', '/usr/bin/sluice', '/home/me', 'sluice'],
  ['a project', '/home/me/p/node_modules/.bin/sluice', '/home/me/p/sub', 'npx sluice'],
  [
    'the cache of npx',
    '/home/me/.npm/_npx/1/node_modules/.bin/sluice',
    '/home/me',
    '.npm/_npx/1/node_modules/.bin/sluice',
  ],
])('a demo started from %s names the command that works there', (_, script, folder, expected) => {
  const path = `/home/me/p/node_modules/.bin:/usr/bin:/bin`
  expect(commandFor({ script, folder, path })).toBe(expected)
})

it('every command of the banner is the one that works', () => {
  const node = { proxy: 'p', secureProxy: 's', admin: 'a', socket: 'unix:/run/lb.sock', pid: 1 }
  const nodes = ['lb1', 'lb2', 'lb3'].map((name) => ({ ...node, name }))
  const lines = banner({ nodes, token: 'secret', authorityFile: '/ca.pem', command: 'npx sluice' })
    .split('\n')
    .filter((line) => line.includes('--admin'))
  expect(lines.length).toBeGreaterThan(4)
  for (const line of lines) expect(line).toMatch(/^ {2}npx sluice .*--admin unix:\S+/)
})
