import { readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'

/**
 * Has the stacks of errors name files and lines of the sources, as `src/main.ts:12:3`, and not those
 * of the bundle; from now on, in this thread. A map is read when the first stack is made that leads
 * through its file: Node's own way, `--enable-source-maps`, reads them all at the start, which took
 * a quarter of it.
 */
export function nameSourcesInStacks(): void {
  // Bounded by the files of the bundle, and of Node's that occur in stacks.
  const maps = new Map<string, SourceMap | null>()
  Error.prepareStackTrace = (error, sites) => {
    const lines = sites.map((site) => `    at ${inSources(site, maps)}`)
    return [String(error), ...lines].join('\n')
  }
}

/** A line of a stack; as Node would have it where the file has no map. */
function inSources(site: NodeJS.CallSite, maps: Map<string, SourceMap | null>): string {
  const text = String(site)
  const [file, line, column] = [site.getFileName(), site.getLineNumber(), site.getColumnNumber()]
  if (!file?.startsWith('file:') || line === null || column === null) return text
  let map = maps.get(file)
  if (map === undefined) {
    map = readMap(file)
    maps.set(file, map)
  }
  // Both count from zero here. Without an entry there is an empty object.
  const entry = map?.findEntry(line - 1, column - 1)
  if (entry === undefined || !('originalSource' in entry)) return text
  // As it is below the package, whose own place says nothing.
  const source = entry.originalSource.replace(/^(\.\.\/)+/, '')
  const place = `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
  return text.replace(`${file}:${line}:${column}`, () => place)
}

function readMap(file: string): SourceMap | null {
  try {
    return new SourceMap(JSON.parse(readFileSync(new URL(`${file}.map`), 'utf8')))
  } catch {
    return null
  }
}
