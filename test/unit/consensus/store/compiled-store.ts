import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

/** Below the project's own folder, so that packages are found from there. */
const output = join(root, 'node_modules', '.cache', 'consensus-store')

const compilerOptions = {
  module: ts.ModuleKind.ESNext,
  target: ts.ScriptTarget.ES2023,
  rewriteRelativeImportExtensions: true,
}

/**
 * Strips the types of what the store needs, so that a process of its own can run it on any Node.
 *
 * @returns the path of a program that `store-process.ts` describes
 */
export function compileStore(): string {
  const folders = ['consensus/store', 'consensus/encoding', 'consensus/raft']
  const sources = [
    'errors.ts',
    ...folders.flatMap((folder) =>
      readdirSync(join(root, 'src', folder)).map((file) => join(folder, file)),
    ),
  ]
  for (const source of sources) {
    strip(join(root, 'src', source), join(output, 'src', source))
  }
  const program = fileURLToPath(new URL('store-process.ts', import.meta.url))
  strip(program, join(output, 'test', 'unit', 'consensus', 'store', 'store-process.ts'))
  writeFileSync(join(output, 'package.json'), '{"type":"module"}')
  return join(output, 'test', 'unit', 'consensus', 'store', 'store-process.js')
}

function strip(from: string, to: string): void {
  const { outputText } = ts.transpileModule(readFileSync(from, 'utf8'), { compilerOptions })
  mkdirSync(dirname(to), { recursive: true })
  writeFileSync(to.replace(/\.ts$/, '.js'), outputText)
}
