import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'
import type { Driver } from '../../src/consensus/driver/driver.ts'

const sources = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'src')

/** What is loaded, with all that it imports. */
const ENTRY = 'consensus/driver/driver.ts'

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
export async function patchedDriver(patches: readonly Patch[]): Promise<typeof Driver> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-simulation-'))
  try {
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    const files = filesFrom(ENTRY)
    for (const { file } of patches) {
      if (!files.has(join('consensus', file))) throw new RangeError(`there is no file ${file}`)
    }
    for (const [path, text] of files) {
      const changes = patches.filter(({ file }) => join('consensus', file) === path)
      const target = join(folder, path.replace(/\.ts$/, '.js'))
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(target, transpiled(changes.reduce(patched, text)))
    }
    const url = pathToFileURL(join(folder, ENTRY.replace(/\.ts$/, '.js'))).href
    const module = (await import(/* @vite-ignore */ url)) as { readonly Driver: typeof Driver }
    return module.Driver
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @returns the texts of a file and of all that it imports, by their paths below the sources */
function filesFrom(entry: string): Map<string, string> {
  const files = new Map<string, string>()
  const left = [entry]
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
