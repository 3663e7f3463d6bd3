import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'
import type { Driver } from '../../src/consensus/driver/driver.ts'
import type { Raft } from '../../src/consensus/raft/raft.ts'

const sources = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'src')

/** What is loaded, with all that it imports. */
const DRIVER = 'consensus/driver/driver.ts'
const CORE = 'consensus/raft/raft.ts'

/** The sources that a run is a test of. */
export interface Sources {
  readonly Driver: typeof Driver
  readonly Raft: typeof Raft
}

/** One place of the sources, and what stands there instead. */
export interface Patch {
  /** Below `src/consensus`. */
  readonly file: string
  /** Occurs there exactly once. */
  readonly find: string
  readonly replace: string
}

/**
 * Loads the driver and the core from a copy of the sources with changes in it: production code has
 * no switches for its tests.
 *
 * @throws RangeError where a place is not found, or more than once
 */
export async function patchedSources(patches: readonly Patch[]): Promise<Sources> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-simulation-'))
  try {
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    const files = filesFrom(DRIVER, CORE)
    for (const { file } of patches) {
      if (!files.has(join('consensus', file))) throw new RangeError(`there is no file ${file}`)
    }
    for (const [path, text] of files) {
      const changes = patches.filter(({ file }) => join('consensus', file) === path)
      const target = join(folder, path.replace(/\.ts$/, '.js'))
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(target, transpiled(changes.reduce(patched, text)))
    }
    const load = (path: string): Promise<unknown> => {
      const url = pathToFileURL(join(folder, path.replace(/\.ts$/, '.js'))).href
      return import(/* @vite-ignore */ url)
    }
    const { Driver } = (await load(DRIVER)) as Pick<Sources, 'Driver'>
    const { Raft } = (await load(CORE)) as Pick<Sources, 'Raft'>
    return { Driver, Raft }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @returns the texts of files and of all that they import, by their paths below the sources */
function filesFrom(...entries: readonly string[]): Map<string, string> {
  const files = new Map<string, string>()
  const left = [...entries]
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    if (files.has(path)) continue
    const text = readFileSync(join(sources, path), 'utf8')
    files.set(path, text)
    for (const [, imported] of text.matchAll(/ from '(\.[^']+)'/g)) {
      left.push(join(dirname(path), imported ?? ''))
    }
  }
  return files
}

function patched(text: string, { file, find, replace }: Patch): string {
  const places = text.split(find).length - 1
  if (places !== 1) {
    throw new RangeError(`${file} has ${places} places for the defect in defects.ts: ${find}`)
  }
  return text.replace(find, () => replace)
}

function transpiled(text: string): string {
  return ts.transpileModule(text, {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2023,
      rewriteRelativeImportExtensions: true,
    },
  }).outputText
}
