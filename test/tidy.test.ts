import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const FILE_LINES_MAX = 600
const FOLDER_FILES_MAX = 15
/** Folders that have more, how many at most, and why. */
const FOLDER_EXCEPTIONS: Readonly<Record<string, { filesMax: number; why: string }>> = {
  'src/admin': {
    filesMax: 20,
    why: 'one server of one API, whose routes and doors are a file each',
  },
  'src/consensus/group': { filesMax: 17, why: 'one engine from its birth to its end' },
  'src/health': { filesMax: 18, why: 'what composes the state of a server is a file a source' },
  'src/model': { filesMax: 21, why: 'types alone, a file a section of the config' },
  'src/net': { filesMax: 18, why: 'what all engines stand on; those have folders of their own' },
  'src/supervisor/preparation': {
    filesMax: 16,
    why: 'from a config to a plan, a file for each kind of thing that a config names',
  },
  'test/unit/health': { filesMax: 20, why: 'as src/health' },
  'test/unit/worker': { filesMax: 20, why: 'labs that run several of its folders at once' },
}
/** Types alone: what is asked of an operation is named by its subject. */
const NAMED_BY_SUBJECT = 'src/operations/contract/'
const ROOMS = [
  'admin',
  'balance',
  'base',
  'certificates',
  'cli',
  'cluster',
  'config',
  'consensus',
  'discovery',
  'health',
  'http',
  'memory',
  'model',
  'net',
  'operations',
  'rules',
  'rules-host',
  'supervisor',
  'telemetry',
  'worker',
]
const TEST_FOLDERS = ['conformance', 'e2e', 'fixtures', 'fuzz', 'golden', 'simulation', 'unit']
/** `.git` is a file in a worktree beside the first one. */
const SKIPPED = ['.git', 'coverage', 'dist', 'dist-bench', 'dist-simulation', 'node_modules']
const BINARY = /\.(png|ico|gif|jpg|woff2?|gz|pem|crt|key|node)$/

/** Paths of all files below a folder, relative to the project. */
function filesBelow(folder: string): string[] {
  const path = join(root, folder)
  if (!existsSync(path)) return []
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const child = folder === '.' ? entry.name : `${folder}/${entry.name}`
    if (SKIPPED.includes(entry.name)) return []
    if (entry.isDirectory()) return filesBelow(child)
    return entry.isFile() ? [child] : []
  })
}

const everything = filesBelow('.')
const code = everything.filter((file) => /^(src|test|bench|bin)\//.test(file))
const sources = everything.filter((file) => file.startsWith('src/'))

function textOf(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

/** The places, as `file:line: text`, where a pattern occurs. */
function placesOf(pattern: RegExp, files: readonly string[]): string[] {
  return files
    .filter((file) => !BINARY.test(file))
    .flatMap((file) =>
      textOf(file)
        .split('\n')
        .flatMap((line, n) => (pattern.test(line) ? [`${file}:${n + 1}: ${line.trim()}`] : [])),
    )
}

/** Files by what a function says of them. */
function grouped(files: readonly string[], by: (file: string) => string): Map<string, string[]> {
  const groups = new Map<string, string[]>()
  for (const file of files) groups.set(by(file), [...(groups.get(by(file)) ?? []), file])
  return groups
}

describe('names', () => {
  it('are kebab-case', () => {
    const kebab = /^[a-z0-9]+(-[a-z0-9]+)*$/
    const odd = code
      .filter((file) => !file.startsWith('test/fixtures/'))
      .filter(
        (file) => !file.split('/').every((part) => part.split('.').every((p) => kebab.test(p))),
      )
    expect(odd).toEqual([])
  })

  it('of sources are borne by one file each', () => {
    const named = sources.filter((file) => !file.startsWith(NAMED_BY_SUBJECT))
    const files = grouped(named, basename)
    expect([...files.values()].filter(({ length }) => length > 1)).toEqual([])
  })

  it('say what is inside', () => {
    const drawer = /^(util|utils|utilities|helper|helpers|common|misc|shared|lib)$/
    const drawers = code.filter((file) =>
      file.split('/').some((part) => drawer.test(part.replace(/(\.[a-z]+)+$/, ''))),
    )
    expect(drawers).toEqual([])
  })
})

describe('layout', () => {
  it('has in src only the rooms and main', () => {
    const known = new Set([...ROOMS, 'main.ts'])
    expect(sources.filter((file) => !known.has(file.split('/')[1] ?? ''))).toEqual([])
  })

  it('has in test only folders that a vitest project runs', () => {
    const tests = everything.filter(
      (file) => file.startsWith('test/') && file !== 'test/tidy.test.ts',
    )
    expect(tests.filter((file) => !TEST_FOLDERS.includes(file.split('/')[1] ?? ''))).toEqual([])
  })

  it(`has at most ${FOLDER_FILES_MAX} files in a folder of src, and of its unit tests`, () => {
    const files = everything.filter((file) => /^(src|test\/unit)\//.test(file))
    const full = [...grouped(files, dirname)]
      .map(([folder, { length }]) => ({ folder, files: length }))
      .filter(({ folder, files: count }) => {
        return count > (FOLDER_EXCEPTIONS[folder]?.filesMax ?? FOLDER_FILES_MAX)
      })
    expect(full).toEqual([])
  })

  it('has the documents that a visitor looks for', () => {
    const documents = ['LICENSE', 'README.md', 'CHANGELOG.md', 'CONTRIBUTING.md']
    expect(documents.filter((file) => !existsSync(join(root, file)))).toEqual([])
  })
})

describe('content', () => {
  it(`keeps a source file within ${FILE_LINES_MAX} lines, or says why a table is longer`, () => {
    const long = sources
      .map((file) => ({ file, text: textOf(file) }))
      .filter(({ text }) => !/Longer than 600 lines: \S/.test(text))
      .map(({ file, text }) => ({ file, lines: text.split('\n').length - 1 }))
      .filter(({ lines }) => lines > FILE_LINES_MAX)
    expect(long).toEqual([])
  })

  it('leaves no notes to self', () => {
    expect(placesOf(/\b(T[O]DO|F[I]XME|X[X]X)\b/, everything.filter(isOurs))).toEqual([])
  })

  it('names no path of one machine', () => {
    const anywhere = /(^|[^\w.)\]}/-])\/(work|root|Users)\//
    const temporary = /(^|[^\w.)\]}/-])\/(tmp)\//
    const outsideTests = everything.filter((file) => isOurs(file) && !/^(test|bench)\//.test(file))
    expect(placesOf(anywhere, everything.filter(isOurs))).toEqual([])
    expect(placesOf(temporary, outsideTests)).toEqual([])
  })

  it('locks every package to the public registry', () => {
    const lock = JSON.parse(textOf('package-lock.json')) as {
      packages: Record<string, { resolved?: string }>
    }
    const elsewhere = Object.entries(lock.packages)
      .filter(([, entry]) => entry.resolved !== undefined)
      .filter(([, entry]) => !entry.resolved?.startsWith('https://registry.npmjs.org/'))
    expect(elsewhere.map(([path]) => path)).toEqual([])
  })
})

function isOurs(file: string): boolean {
  return !['LICENSE', 'package-lock.json'].includes(basename(file))
}
