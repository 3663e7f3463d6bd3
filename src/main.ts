import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Command } from 'commander'
import { assert, SluiceError } from './base/errors.ts'
import type { CertificateOptions } from './cli/certificate-commands.ts'
import type { ClusterRemoveOptions } from './cli/cluster-commands.ts'
import type { ConfigApplyOptions } from './cli/config-change-commands.ts'
import type { ConfigShowOptions } from './cli/config-show-commands.ts'
import type { ConnectionOptions, ReadOptions } from './cli/daemon-connection.ts'
import type { ServerAddOptions, ServerSetOptions } from './cli/server-change-commands.ts'
import { keepDebuggerClosed, SignalInbox } from './supervisor/signal-inbox.ts'
import { EarlyThreads } from './supervisor/threads/early-threads.ts'
import { nameSourcesInStacks } from './telemetry/source-stacks.ts'

/** `npm start` passes on the SIGINT that the terminal has sent to all; it comes within this time. */
const PASSED_ON_MS = 300

// Signals come first. Nothing heavy is imported above, nor below but where it is needed: a start
// takes most of its time for that, and `--version` nearly all.
const [, , ...words] = process.argv
const isService = words[0] === 'run' || words[0] === 'demo'
const isOfNpm = process.env['npm_lifecycle_event'] === 'start'
const signals = isService ? new SignalInbox(isOfNpm ? PASSED_ON_MS : 0) : null
keepDebuggerClosed([...process.execArgv, process.env['NODE_OPTIONS'] ?? ''])

nameSourcesInStacks()

// What Node will drop one day is for those who write this, and not for operators, to read about.
process.noDeprecation = true

/** Exit statuses of every command. */
const FAILED = 1
const USAGE = 2

/** The package. This file is in a folder of it, as a source and as it is built. */
const home = new URL('../', import.meta.url)

/** What the threads of the data plane run: the build puts it beside this file. */
const workerEntry = new URL('worker.js', import.meta.url)
const agreementEntry = new URL('agreement.js', import.meta.url)
const readingEntry = new URL('reading.js', import.meta.url)

const surroundings = { env: process.env, cores: availableParallelism() }
const print = (text: string): void => void process.stderr.write(text)
const tell = (text: string): void => void process.stdout.write(text)
const io = { env: process.env, write: tell, warn: print }

/** Whether errors are for a program to read, also those of the command line itself. */
const isJson = process.argv.includes('--json')

interface FileOptions {
  readonly file: string
}

interface CheckCommandOptions extends FileOptions {
  readonly json?: boolean
  readonly offline?: boolean
}

function version(): string {
  const manifest = readFileSync(new URL('package.json', home), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}

async function runNode({ file }: FileOptions): Promise<void> {
  assert(signals !== null, 'the command `run` takes signals')
  const threads = new EarlyThreads(workerEntry)
  // Every config has one; how many more, it says itself.
  threads.start(1)
  const { run } = await import('./supervisor/run.ts')
  await run({
    ...surroundings,
    version: version(),
    threads,
    agreementEntry,
    readingEntry,
    print,
    exit: process.exit,
    file,
    signals,
  })
}

async function demo(): Promise<void> {
  assert(signals !== null, 'the command `demo` takes signals')
  const { runDemo } = await import('./supervisor/demo/demo.ts')
  const [, script = ''] = process.argv
  await runDemo({
    env: process.env,
    home,
    invocation: { script, folder: process.cwd(), path: process.env['PATH'] ?? '' },
    tell,
    print,
    isForPeople: process.stderr.isTTY,
    exit: process.exit,
    signals,
  })
}

async function schema(): Promise<void> {
  const { configJsonSchema } = await import('./config/schema/json-schema.ts')
  tell(`${JSON.stringify(configJsonSchema(), null, 2)}\n`)
}

async function check({ file, json = false, offline = false }: CheckCommandOptions): Promise<void> {
  const { checkConfig } = await import('./supervisor/preparation/config-check.ts')
  const options = { ...surroundings, file, json, offline, tell, print }
  if (!(await checkConfig(options))) process.exitCode = FAILED
}

/** Gives a command the options of all that talk to a running node. */
function connecting(command: Command): Command {
  return command
    .option(
      '--admin <address>',
      'unix:PATH, http://HOST:PORT or https://HOST:PORT; of several the first that answers; by default SLUICE_ADMIN or the socket of the node on this host',
      (address: string, earlier: readonly string[] = []) => [...earlier, address],
    )
    .option('--token-file <file>', 'a file with the bearer token')
    .option('--ca-file <file>', 'the authorities of an https address, by default SLUICE_CA_FILE')
    .option('--json', 'print JSON')
}

/** As {@link connecting}, of those that read what the cluster agrees on. */
function reading(command: Command): Command {
  const about = 'what the asked node knows, be it old; needs no quorum'
  return connecting(command).option('--stale', about)
}

function program(sluice: Command): Command {
  sluice
    .description('A clustered Layer-4/Layer-7 load balancer')
    .version(version())
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(isJson ? usageAsJson(text) : text) })
    // So that `config show --version N` is not taken for `sluice --version`.
    .enablePositionalOptions()
  sluice
    .command('run')
    .description('run a node on a config file until SIGTERM; SIGHUP reloads the file')
    .requiredOption('-f, --file <file>', 'the config file')
    .action(runNode)
  sluice
    .command('check')
    .description('check a config file; binds nothing')
    .requiredOption('-f, --file <file>', 'the config file; - for standard input')
    .option('--json', 'print what was found as JSON')
    .option('--offline', 'leave out files, addresses and host names that it names')
    .action(check)
  sluice
    .command('demo')
    .description('run three sample servers and a balancer in front of them')
    .action(demo)
  sluice
    .command('schema')
    .description('print the JSON Schema of the config, for editors')
    .action(schema)
  defineConfig(sluice.command('config').description('the config of a running node or cluster'))
  defineServer(sluice.command('server').description('the servers of a running node or cluster'))
  defineCertificates(sluice.command('cert').description('the certificates that nodes show'))
  defineCluster(sluice.command('cluster').description('the nodes of a cluster'))
  return sluice
}

function defineConfig(config: Command): void {
  connecting(config.command('apply'))
    .description('make a file the config; one node that cannot run it, and nothing changes')
    .requiredOption('-f, --file <file>', 'the config file')
    .option('--if-version <version>', 'only if this version is active')
    .option('--comment <text>', 'for the history')
    .option('--confirm <duration>', 'go back by itself unless it is confirmed within, as 60s')
    .action(async (options: ConfigApplyOptions) =>
      (await import('./cli/config-change-commands.ts')).configApply(options, io),
    )
  connecting(config.command('confirm'))
    .description('keep a config that was applied with --confirm')
    .argument('[version]', 'by default the active one')
    .action(async (version: string | undefined, options: ConnectionOptions) =>
      (await import('./cli/config-change-commands.ts')).configConfirm(version, options, io),
    )
  connecting(config.command('rollback'))
    .description('apply an earlier version again')
    .argument('[version]', 'by default the one before the active one')
    .action(async (version: string | undefined, options: ConnectionOptions) =>
      (await import('./cli/config-change-commands.ts')).configRollback(version, options, io),
    )
  reading(config.command('show'))
    .description('print a config as it was written')
    .option('--version <version>', 'by default the active one')
    .action(async (options: ConfigShowOptions) =>
      (await import('./cli/config-show-commands.ts')).configShow(options, io),
    )
  reading(config.command('history'))
    .description('list the versions that are kept')
    .action(async (options: ReadOptions) =>
      (await import('./cli/config-show-commands.ts')).configHistory(options, io),
    )
  reading(config.command('diff'))
    .description('tell what makes one version another')
    .argument('[a]', 'by default the version before B; 0 is nothing')
    .argument('[b]', 'by default the active one')
    .action(async (a: string | undefined, b: string | undefined, options: ReadOptions) =>
      (await import('./cli/config-show-commands.ts')).configDiff(a, b, options, io),
    )
}

function defineServer(server: Command): void {
  reading(server.command('list'))
    .description('list every server with its state')
    .action(async (options: ReadOptions) =>
      (await import('./cli/server-list-command.ts')).serverList(options, io),
    )
  connecting(server.command('set'))
    .description('set the admin state, the weight or the address of a server')
    .argument('<backend/name>', 'the server')
    .option('--state <state>', 'ready, drain (no new sessions) or maint (nor checks)')
    .option('--weight <weight>', '0 to 256; 0 takes no new sessions')
    .option('--address <address>', 'as in the config')
    .action(async (key: string, options: ServerSetOptions) =>
      (await import('./cli/server-change-commands.ts')).serverSet(key, options, io),
    )
  connecting(server.command('add'))
    .description('add a server that the config does not name')
    .argument('<backend/name>', 'the server')
    .argument('<address>', 'as in the config')
    .option('--weight <weight>', '0 to 256, by default as default-server says')
    .action(async (key: string, address: string, options: ServerAddOptions) =>
      (await import('./cli/server-change-commands.ts')).serverAdd(key, address, options, io),
    )
  connecting(server.command('remove'))
    .description('remove a server that was added at run time')
    .argument('<backend/name>', 'the server')
    .action(async (key: string, options: ConnectionOptions) =>
      (await import('./cli/server-change-commands.ts')).serverRemove(key, options, io),
    )
}

function defineCertificates(cert: Command): void {
  const ofNodes = (command: Command): Command =>
    connecting(command).option('--node <node>', 'of this node alone, by default of all')
  ofNodes(cert.command('list'))
    .description('list the certificates: names, issuer, days left, file, where they are shown')
    .action(async (options: CertificateOptions) =>
      (await import('./cli/certificate-commands.ts')).certList(options, io),
    )
  ofNodes(cert.command('show'))
    .description('show all that a certificate says')
    .argument('<name>', 'a host name that it is for, or its file')
    .action(async (name: string, options: CertificateOptions) =>
      (await import('./cli/certificate-commands.ts')).certShow(name, options, io),
    )
  ofNodes(cert.command('reload'))
    .description('take up changed files; one node that cannot use its own, and nothing changes')
    .action(async (options: CertificateOptions) =>
      (await import('./cli/certificate-commands.ts')).certReload(options, io),
    )
}

function defineCluster(cluster: Command): void {
  connecting(cluster.command('status'))
    .description('show the nodes, as the asked one sees them; status 1 without a quorum')
    .action(async (options: ConnectionOptions) =>
      (await import('./cli/cluster-commands.ts')).clusterStatus(options, io),
    )
  connecting(cluster.command('add'))
    .description('let a node join')
    .argument('<node>', 'its name')
    .argument('<address>', 'of its peer links, HOST:PORT')
    .action(async (name: string, address: string, options: ConnectionOptions) =>
      (await import('./cli/cluster-commands.ts')).clusterAdd(name, address, options, io),
    )
  connecting(cluster.command('remove'))
    .description('take a node out, running or not')
    .argument('<node>', 'its name')
    .option(
      '--force',
      'even if the voters that are left have no majority that answers; nothing can be changed then until they are back, and for good if they never come',
    )
    .action(async (name: string, options: ClusterRemoveOptions) =>
      (await import('./cli/cluster-commands.ts')).clusterRemove(name, options, io),
    )
  connecting(cluster.command('transfer'))
    .description('hand the leadership over')
    .argument('<node>', 'the name of the one that is to lead')
    .action(async (name: string, options: ConnectionOptions) =>
      (await import('./cli/cluster-commands.ts')).clusterTransfer(name, options, io),
    )
  reading(cluster.command('backup'))
    .description('keep all that the cluster has agreed on in a file')
    .argument('<file>', 'which is replaced once the new one is whole; for this user alone')
    .action(async (file: string, options: ReadOptions) =>
      (await import('./cli/backup-command.ts')).clusterBackup(file, options, io),
    )
  cluster
    .command('restore')
    .description('found a cluster anew from a backup, on a stopped node with an empty data-dir')
    .argument('<backup>', 'the file')
    .requiredOption('-f, --file <file>', 'the config file of the node')
    .action(async (backup: string, { file }: FileOptions) =>
      (await import('./supervisor/cluster/restoration.ts')).restoreCluster({
        ...surroundings,
        backup,
        file,
        print,
        tell,
      }),
    )
  cluster
    .command('recover')
    .description('make a stopped node the only one, after a majority is lost for good')
    .requiredOption('-f, --file <file>', 'the config file of the node')
    .option('--force', 'needed: what the others agreed on without this node is lost')
    .action(async ({ file, force = false }: FileOptions & { readonly force?: boolean }) =>
      (await import('./supervisor/cluster/recovery.ts')).recoverNode({
        ...surroundings,
        file,
        isForced: force,
        print,
        tell,
      }),
    )
}

const VERSION_FLAGS: readonly (string | undefined)[] = ['--version', '-V']
if (words.length === 1 && VERSION_FLAGS.includes(words[0])) tell(`${version()}\n`)
else await obey()

async function obey(): Promise<void> {
  const { Command: CommandLine, CommanderError } = await import('commander')
  try {
    await program(new CommandLine('sluice')).parseAsync(process.argv)
  } catch (error) {
    // It has printed its own message; help and version are no errors.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : USAGE
    else process.exitCode = exitStatusOf(error)
  }
}

/** What Commander says of a command line that it cannot read. */
function usageAsJson(text: string): string {
  const { code, message, hint } = new SluiceError('usage', text.trim().replace(/^error: /, ''))
  return `${JSON.stringify({ code, message, hint })}\n`
}

/** Says what went wrong, for an operator or as JSON, and which status it ends with. */
function exitStatusOf(error: unknown): number {
  if (!(error instanceof SluiceError)) throw error
  const { code, message, hint } = error
  if (isJson) print(`${JSON.stringify({ code, message, hint })}\n`)
  else print(`sluice: ${message} (${code})\n${hint}\n`)
  return error.code === 'usage' ? USAGE : FAILED
}
