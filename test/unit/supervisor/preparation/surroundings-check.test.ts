import { expect, it } from 'vitest'
import { NameResolution } from '../../../../src/discovery/name-resolution.ts'
import { lookAround } from '../../../../src/supervisor/preparation/surroundings-check.ts'
import { configOf } from '../../config/loading.ts'
import { recordedLog } from '../recorded-log.ts'

it('finds all that is lacking, and only guesses of an address that nobody binds', async () => {
  const config = configOf(`
global: {log: {access: /nowhere/a.log}}
admin: {token-file: /nowhere/token, socket: {path: /nowhere/a.sock, group: no-such-group, mode: "0660"}}
frontends: {web: {mode: http, bind: "203.0.113.7:8080", default_backend: app}}
backends: {app: {mode: http, errorfile: {503: /nowhere/503.http}}}
`)
  const names = new NameResolution({ log: recordedLog([]) })
  const { lacks } = await lookAround(config, names)
  names.stop()
  const found = lacks.map(({ code, isGuess, problem }) => {
    return `${code} ${problem.paths[0]?.join('.')}${isGuess ? '?' : ''}`
  })
  expect(found.sort()).toEqual([
    'bind-failed admin.socket.group',
    'bind-failed admin.socket.path?',
    'bind-failed frontends.web.bind.0.address?',
    'config-unreadable admin.token-file',
    'error-answer-unreadable backends.app.errorfile.503',
    'log-unwritable global.log.access',
  ])
})
