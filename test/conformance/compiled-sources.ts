import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Below the project's own folder, so that packages are found from there. */
const output = join(root, 'node_modules', '.cache', 'conformance')

/**
 * Strips the types of the rooms that src/net needs, so that a plain worker thread can import them
 * on any Node.
 *
 * @returns the URL of a module, given its path below src with the ending `.ts`
 */
export function compileSources(): (module: string) => string {
  for (const room of ['.', 'model', 'net']) {
    mkdirSync(join(output, room), { recursive: true })
    for (const file of readdirSync(join(root, 'src', room))) {
      if (!file.endsWith('.ts')) continue
      const { outputText } = ts.transpileModule(
        readFileSync(join(root, 'src', room, file), 'utf8'),
        {
          compilerOptions: {
            module: ts.ModuleKind.ESNext,
            target: ts.ScriptTarget.ES2023,
            rewriteRelativeImportExtensions: true,
          },
        },
      )
      writeFileSync(join(output, room, file.replace(/\.ts$/, '.js')), outputText)
    }
  }
  writeFileSync(join(output, 'package.json'), '{"type":"module"}')
  return (module) => pathToFileURL(join(output, module.replace(/\.ts$/, '.js'))).href
}
