import { expect, it } from 'vitest'
import {
  type OwnFile,
  readAgreedText,
  readConfigText,
  readHere,
} from '../../../../src/supervisor/preparation/config-file.ts'

const SURROUNDINGS = { env: {}, cores: 2 }

function ownFile(text: string): OwnFile {
  const { config, report } = readConfigText(text, '/etc/sluice.yaml', SURROUNDINGS)
  if (config === null) throw new Error(report)
  return { name: '/etc/sluice.yaml', text, config, report }
}

it('takes the text of the own file as it was read', async () => {
  const own = ownFile(
    'frontends: {web: {bind: ":1", default_backend: app}}\nbackends: {app: {servers: {a: "10.0.0.1:80"}}}\n',
  )
  expect(own.report).toBe('')
  const read = await readAgreedText(own.text, own, readHere(SURROUNDINGS))
  expect(read.config).toBe(own.config)
  expect(read.report).toBe('')
})

it('says again what it warns of', async () => {
  const text = 'frontends: {web: {bind: ":1", default_backend: app}}\nbackends: {app: {}, b: {}}\n'
  const own = ownFile(text)
  const { config, report } = await readAgreedText(text, own, readHere(SURROUNDINGS))
  expect(own.report).toMatch(/^\/etc\/sluice\.yaml:2:\d+: warning: /)
  expect(report).toBe(own.report.replaceAll('/etc/sluice.yaml', 'config'))
  expect(config).toEqual(own.config)
})
