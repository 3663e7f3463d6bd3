import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { bannerOf } from './support/demo-process.ts'
import { NODE, runProgram, runSluice, SLUICE, startProcess } from './support/processes.ts'
import { openSocket } from './support/raw-client.ts'
import { until } from './support/waiting.ts'

it('the demo balances three servers, shows its addresses, and ends with Ctrl-C', async () => {
  const child = startProcess(NODE, [SLUICE, 'demo'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(child, 'close').then(([code]) => code as number | null)
  const banner = await bannerOf(child)
  const addressOf = (name: string) => new RegExp(`${name} +(http://\\S+)`).exec(banner)?.[1] ?? ''

  const answers: string[] = []
  for (let n = 0; n < 12; n++) answers.push(await (await fetch(addressOf('proxy'))).text())
  const names = new Set(answers.map((answer) => answer.split(':')[0]))
  expect([...names].sort()).toEqual(['app1', 'app2', 'app3'])

  // The commands of the banner work as they are.
  const curl = / (curl -H .*)$/m.exec(banner)?.[1] ?? ''
  const asked = await runProgram('sh', ['-c', curl])
  expect(JSON.parse(asked.stdout)).toMatchObject({ servers: [{ server: 'app1' }, {}, {}] })
  const secured = / (curl --cacert .*)$/m.exec(banner)?.[1] ?? ''
  expect((await runProgram('sh', ['-c', secured])).stdout).toMatch(/^app\d: request/)
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

describe('the nodes and the sample servers', () => {
  it('end with a demo that is killed', async () => {
    const demo = await startDemo()
    demo.child.kill('SIGKILL')
    await until('the nodes to be gone', () => (demo.pids.some(isAlive) ? undefined : true))
  })

  it('end at once with a second Ctrl-C, whatever is open', async () => {
    const demo = await startDemo()
    const clients = await Promise.all(demo.proxyPorts.map((port) => openSocket(port)))
    // Requests that have begun: a drain waits for their end.
    for (const client of clients) client.write('GET / HTTP/1.1\r\n')
    demo.child.kill('SIGINT')
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(demo.pids.every(isAlive)).toBe(true)
    demo.child.kill('SIGINT')
    expect(await demo.exit).toBe(130)
    await until('the nodes to be gone', () => (demo.pids.some(isAlive) ? undefined : true))
    for (const client of clients) client.destroy()
  })
})

interface RunningDemo {
  readonly child: ChildProcess
  readonly exit: Promise<number | null>
  /** Of its nodes. */
  readonly pids: readonly number[]
  readonly proxyPorts: readonly number[]
}

async function startDemo(): Promise<RunningDemo> {
  const child = startProcess(NODE, [SLUICE, 'demo'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(child, 'close').then(([code]) => code as number | null)
  const banner = await bannerOf(child)
  const rows = [...banner.matchAll(/^ {2}lb\d +http:\/\/127\.0\.0\.1:(\d+)\/ .* pid (\d+)$/gm)]
  expect(rows).toHaveLength(3)
  return {
    child,
    exit,
    pids: rows.map(([, , pid]) => Number(pid)),
    proxyPorts: rows.map(([, port]) => Number(port)),
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
