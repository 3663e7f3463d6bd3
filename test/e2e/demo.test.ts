import { once } from 'node:events'
import { expect, it } from 'vitest'
import { NODE, runProgram, runSluice, SLUICE, startProcess } from './support/processes.ts'
import { until } from './support/waiting.ts'

it('the demo balances three servers, shows its addresses, and ends with Ctrl-C', async () => {
  const child = startProcess(NODE, [SLUICE, 'demo'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(child, 'close').then(([code]) => code as number | null)
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const banner = await until('the banner', () => (output.includes('Ctrl-C') ? output : undefined))
  const addressOf = (name: string) => new RegExp(`${name} +(http://\\S+)`).exec(banner)?.[1] ?? ''

  const answers: string[] = []
  for (let n = 0; n < 12; n++) answers.push(await (await fetch(addressOf('proxy'))).text())
  const names = new Set(answers.map((answer) => answer.split(':')[0]))
  expect([...names].sort()).toEqual(['app1', 'app2', 'app3'])

  // The commands of the banner work as they are.
  const curl = / (curl -H .*)$/m.exec(banner)?.[1] ?? ''
  const asked = await runProgram('sh', ['-c', curl])
  expect(JSON.parse(asked.stdout)).toMatchObject({ servers: [{ server: 'app1' }, {}, {}] })
  const commands = [...banner.matchAll(/^ {2}bin\/sluice (.*--admin \S+)/gm)].map(
    ([, rest]) => rest,
  )
  expect(commands.length).toBeGreaterThan(4)
  for (const command of commands.filter((text) => !text?.includes('config apply'))) {
    const words = command?.split(' ') ?? []
    expect([command, (await runSluice(...words)).code]).toEqual([command, 0])
  }
  expect(await (await fetch(addressOf('metrics'))).text()).toContain('sluice_server_status')

  child.kill('SIGINT')
  expect(await exit).toBe(0)
})
