import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { NODE, runProgram, SLUICE } from './support/processes.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** What is loaded: the files of `src/`, and the packages. */
interface Loaded {
  readonly sources: readonly string[]
  readonly packages: readonly string[]
}

const WORKER = new URL('../../dist/worker.js', import.meta.url)

/** The scripts of a process that was run with `NODE_V8_COVERAGE`, which lists them all. */
function scriptsOf(folder: string): string[] {
  const [name, ...more] = readdirSync(folder)
  expect(more).toEqual([])
  const { result } = JSON.parse(readFileSync(join(folder, name ?? ''), 'utf8')) as {
    result: { url: string }[]
  }
  return result.map(({ url }) => url)
}

/** A built file and all that it imports at once, and these again. */
function importsOf(url: string, found = new Set<string>()): Set<string> {
  if (found.has(url)) return found
  found.add(url)
  const text = readFileSync(new URL(url), 'utf8')
  for (const [, path = ''] of text.matchAll(/^import .*"(\..*)";$/gm)) {
    importsOf(new URL(path, url).href, found)
  }
  return found
}

function loaded(urls: Iterable<string>): Loaded {
  const files = [...urls].flatMap((url) => (isBuilt(url) ? sourcesOf(url) : [url]))
  return {
    sources: files.flatMap((file) => /^(?:\.\.\/)+(src\/.*)$/.exec(file)?.[1] ?? []),
    packages: [...new Set(files.flatMap((file) => packageOf(file)))].sort(),
  }
}

function isBuilt(url: string): boolean {
  return url.includes('/dist/') && !url.includes('/node_modules/')
}

/** The files that a built one was made from, by its map. */
function sourcesOf(url: string): readonly string[] {
  const map = new URL(`${url}.map`)
  // What the bundler adds of its own, to join the others, has none.
  if (!existsSync(map)) return []
  return (JSON.parse(readFileSync(map, 'utf8')) as { sources: string[] }).sources
}

function packageOf(file: string): string | readonly never[] {
  return /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []
}

/** What `sluice` loads to carry a command out. */
async function loadedFor(...args: readonly string[]): Promise<Loaded> {
  const folder = temporaryFolder()
  const env = { ...process.env, NODE_V8_COVERAGE: folder }
  await runProgram(NODE, [SLUICE, ...args], { env })
  return loaded(scriptsOf(folder))
}

describe('what is loaded', () => {
  it('for --version is next to nothing', async () => {
    const { sources, packages } = await loadedFor('--version')
    expect(packages).toEqual([])
    expect(sources).toContain('src/main.ts')
    expect(sources.filter((file) => /^src\/(cli|config|worker)\//.test(file))).toEqual([])
    expect(sources.length).toBeLessThan(10)
  })

  it('for a command to a daemon is no schema and no daemon', async () => {
    const { sources, packages } = await loadedFor('server', 'list', '--admin', 'unix:/nowhere')
    expect(packages).toEqual(['commander'])
    expect(sources.filter((file) => file.startsWith('src/cli/'))).not.toEqual([])
    expect(sources.filter((file) => /^src\/(config\/schema|net|worker)\//.test(file))).toEqual([])
  })

  it('for check is no data plane and no cluster', async () => {
    const { sources, packages } = await loadedFor('check', '-f', 'configs/minimal.yaml')
    expect(packages).toEqual(expect.arrayContaining(['yaml', 'zod']))
    expect(packages).not.toContain('pino')
    expect(sources.filter((file) => /^src\/(cluster|consensus|worker)\//.test(file))).toEqual([])
  })

  it('by a worker is what carries traffic, and no library of patterns', () => {
    const { sources, packages } = loaded(importsOf(WORKER.href))
    expect(sources).toContain('src/worker/data-plane.ts')
    expect(packages).toEqual([])
    const foreign = /^src\/(admin|cli|cluster|config|consensus|health|operations|supervisor)\//
    expect(sources.filter((file) => foreign.test(file))).toEqual([])
  })
})
