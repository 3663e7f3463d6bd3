import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Below the project's own folder, so that packages are found from there. */
const output = join(root, 'node_modules', '.cache', 'supervisor')

const compilerOptions = {
  module: ts.ModuleKind.ESNext,
  target: ts.ScriptTarget.ES2023,
  rewriteRelativeImportExtensions: true,
}

/**
 * Strips the types of all sources, so that a balancer finds the program of its worker threads
 * beside it, on any Node.
 *
 * @returns imports a module, given its path below src without an ending
 */
export function compileDaemon(): <T>(module: string) => Promise<T> {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  for (const source of sources.filter((name) => name.endsWith('.ts'))) {
    const text = readFileSync(join(root, 'src', source), 'utf8')
    const target = join(output, source.replace(/\.ts$/, '.js'))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, ts.transpileModule(text, { compilerOptions }).outputText)
  }
  writeFileSync(join(output, 'package.json'), '{"type":"module"}')
  return <T>(module: string): Promise<T> => {
    return import(pathToFileURL(join(output, `${module}.js`)).href) as Promise<T>
  }
}
