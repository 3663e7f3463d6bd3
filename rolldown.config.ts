import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig, type Plugin } from 'rolldown'

/** What is read of a package.json. */
interface Manifest {
  readonly name: string
  readonly version: string
  readonly license: string
  readonly dependencies: Record<string, string>
}

/** Of a file in a package, at the end of whatever folders: the folder of the package. */
const PACKAGE_FOLDER = /^.*[/\\]node_modules[/\\](@[^/\\]+[/\\])?[^/\\]+/

/** By what names packages hold the texts that must go with them. */
const LICENCE_FILE = /^(licen[cs]e|notice|copying)/i

/** All that `--version` takes of the rooms, */
const ERRORS = /[/\\]src[/\\]base[/\\]errors\.ts$/

/** what every other command stands on, */
const GROUND = /[/\\]src[/\\](base|model)[/\\]/

/** what is known of descriptors, by whoever listens, */
const DESCRIPTORS =
  /[/\\]src[/\\]net[/\\](accept-pauses|descriptor|system-calls|socket-name|conn|engines[/\\]node[/\\](node-handle|lasting-socket))\.ts$/

/** and what a config is validated with, and its traffic carried. */
const TRAFFIC = /[/\\]src[/\\](memory|balance|http|net|rules|rules-host)[/\\]/

/**
 * Files of their own are needed by the threads, by every command that is not `--version`, and by
 * what only some need. Packages that are in `dependencies` stay outside: they hold code for one
 * platform, or files that they look for, or are loaded at once when a config asks for them. All others go in, and are `devDependencies`.
 */
export default defineConfig({
  platform: 'node',
  input: {
    main: 'src/main.ts',
    worker: 'src/worker/entry.ts',
    agreement: 'src/supervisor/agreement/agreement-entry.ts',
    reading: 'src/supervisor/reading/reading-entry.ts',
  },
  // Follow-redirects would log by `debug`, if that were there: it is, but only for our tools.
  external: [...Object.keys(manifestIn('.').dependencies), 'debug'],
  // What it would only warn of, as an import that leads nowhere, is found by nobody later.
  onLog: (level, log, handle) => handle(level === 'warn' ? 'error' : level, log),
  plugins: [notices()],
  output: {
    dir: 'dist',
    cleanDir: true,
    entryFileNames: '[name].js',
    // A daemon that runs while another version is put in its place finds none of that by mistake.
    chunkFileNames: 'chunks/[name]-[hash].js',
    comments: false,
    // Each file costs a thread about a millisecond, and left alone they are as many as there are
    // ways to share: what the main thread and the others both load is four.
    codeSplitting: {
      groups: [
        { name: 'errors', test: ERRORS, priority: 1 },
        { name: 'ground', test: GROUND },
        // The thread of agreement has nothing else of the next.
        { name: 'descriptors', test: DESCRIPTORS, priority: 1 },
        { name: 'traffic', test: TRAFFIC, minShareCount: 2 },
      ],
    },
    sourcemap: true,
    sourcemapExcludeSources: true,
  },
})

/** Writes down whose packages are inside, and on what terms. */
function notices(): Plugin {
  return {
    name: 'notices',
    generateBundle(_, bundle) {
      const files = Object.values(bundle).flatMap((output) =>
        output.type === 'chunk' ? output.moduleIds : [],
      )
      const folders = new Set(files.flatMap((file) => PACKAGE_FOLDER.exec(file)?.[0] ?? []))
      const source = [...folders]
        .sort()
        .map(noticeOf)
        .join(`\n${'-'.repeat(80)}\n\n`)
      this.emitFile({ type: 'asset', fileName: 'THIRD-PARTY-NOTICES.txt', source })
    },
  }
}

function noticeOf(folder: string): string {
  const { name, version, license } = manifestIn(folder)
  const texts = readdirSync(folder)
    .filter((file) => LICENCE_FILE.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim())
  if (texts.length === 0) throw new Error(`${name} comes without the text of its licence`)
  return `${[`${name} ${version} (${license})`, ...texts].join('\n\n')}\n`
}

function manifestIn(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}
