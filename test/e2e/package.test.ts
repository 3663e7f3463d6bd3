import { existsSync, mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { bannerOf } from './support/demo-process.ts'
import { type Finished, runProgram, startProcess } from './support/processes.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Runs a program that has to succeed. */
async function succeed(
  command: string,
  args: readonly string[],
  options: Parameters<typeof runProgram>[2],
): Promise<Finished> {
  const finished = await runProgram(command, args, options)
  expect(finished, `${command} ${args.join(' ')}`).toMatchObject({ code: 0 })
  return finished
}

it('the package works where it is installed, from any folder, as its banner says', async () => {
  const folder = temporaryFolder()
  const prefix = join(folder, 'prefix')
  const elsewhere = join(folder, 'elsewhere')
  mkdirSync(elsewhere)
  const packed = await succeed('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: ROOT,
  })
  const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }]
  const install = ['install', '--global', '--prefix', prefix, '--ignore-scripts', '--no-audit']
  await succeed('npm', [...install, '--no-fund', '--prefer-offline', join(folder, filename)], {
    cwd: elsewhere,
  })
  const home = join(prefix, 'lib', 'node_modules', 'sluice')
  for (const path of ['docs/operations.md', 'deploy/systemd/sluice.service', 'LICENSE']) {
    expect(existsSync(join(home, path)), path).toBe(true)
  }

  const env = {
    ...process.env,
    PATH: [join(prefix, 'bin'), process.env['PATH']].join(delimiter),
  }
  const place = { cwd: elsewhere, env }
  expect((await succeed('sluice', ['--version'], place)).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  await succeed('sluice', ['check', '-f', join(home, 'configs', 'minimal.yaml')], place)

  const demo = startProcess('sluice', ['demo'], { ...place, stdio: ['ignore', 'pipe', 'inherit'] })
  const banner = await bannerOf(demo)
  const commands = [...banner.matchAll(/^ {2}(sluice .*--admin \S+)/gm)].map(([, line]) => line)
  expect(commands.length).toBeGreaterThan(4)
  for (const command of commands.filter((text) => !text?.includes('config apply'))) {
    await succeed('sh', ['-c', command ?? ''], place)
  }
  const [, curl = ''] = / (curl --cacert \S+ https:\S+)$/m.exec(banner) ?? []
  expect((await succeed('sh', ['-c', curl], place)).stdout).toMatch(
    /^app\d: request \d+, GET \/ for /,
  )
})
