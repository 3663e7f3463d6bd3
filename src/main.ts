import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { Command, CommanderError } from 'commander'
import { clusterAdd, clusterRemove, clusterStatus, clusterTransfer } from './admin/cli-cluster.ts'
import {
  type ConfigApplyOptions,
  configApply,
  configConfirm,
  configRollback,
} from './admin/cli-config-change.ts'
import {
  type ConfigShowOptions,
  configDiff,
  configHistory,
  configShow,
} from './admin/cli-config-show.ts'
import type { ConnectionOptions, ReadOptions } from './admin/cli-connection.ts'
import {
  type ServerAddOptions,
  type ServerSetOptions,
  serverAdd,
  serverRemove,
  serverSet,
} from './admin/cli-server-change.ts'
import { serverList } from './admin/cli-server-list.ts'
import { configJsonSchema } from './config/json-schema.ts'
import { SluiceError } from './errors.ts'
import { checkConfig } from './supervisor/config-check.ts'
import { runDemo } from './supervisor/demo.ts'
import { recoverNode } from './supervisor/recovery.ts'
import { type RunningDaemon, run } from './supervisor/run.ts'

// What Node will drop one day is for those who write this, and not for operators, to read about.
process.noDeprecation = true

/** Exit statuses of every command. */
const FAILED = 1
const USAGE = 2

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
}

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}

function handleSignals(daemon: RunningDaemon): void {
  process.on('SIGTERM', () => daemon.stop())
  process.on('SIGINT', () => daemon.stop())
  process.on('SIGHUP', () => daemon.reload())
  process.on('SIGUSR1', () => daemon.reopenLogs())
}

async function check({ file, json = false }: CheckCommandOptions): Promise<void> {
  if (!(await checkConfig({ ...surroundings, file, json, tell, print }))) process.exitCode = FAILED
}

/** Gives a command the options of all that talk to a running node. */
function connecting(command: Command): Command {
  return command
    .option(
      '--admin <address>',
      'unix:PATH or http://HOST:PORT; of several the first that answers; by default SLUICE_ADMIN or the socket of the node on this host',
      (address: string, earlier: readonly string[] = []) => [...earlier, address],
    )
    .option('--token-file <file>', 'a file with the bearer token')
    .option('--json', 'print JSON')
}

/** As {@link connecting}, of those that read what the cluster agrees on. */
function reading(command: Command): Command {
  const about = 'what the asked node knows, be it old; needs no quorum'
  return connecting(command).option('--stale', about)
}

function program(): Command {
  const runOptions = { ...surroundings, version: version(), print, exit: process.exit }
  const sluice = new Command('sluice')
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
    .action(async ({ file }: FileOptions) => handleSignals(await run({ ...runOptions, file })))
  sluice
    .command('check')
    .description('check a config file; binds nothing')
    .requiredOption('-f, --file <file>', 'the config file; - for standard input')
    .option('--json', 'print what was found as JSON')
    .action(check)
  sluice
    .command('demo')
    .description('run three sample servers and a balancer in front of them')
    .action(async () => handleSignals(await runDemo({ ...runOptions, tell })))
  sluice
    .command('schema')
    .description('print the JSON Schema of the config, for editors')
    .action(() => tell(`${JSON.stringify(configJsonSchema(), null, 2)}\n`))
  defineConfig(sluice.command('config').description('the config of a running node or cluster'))
  defineServer(sluice.command('server').description('the servers of a running node or cluster'))
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
    .action((options: ConfigApplyOptions) => configApply(options, io))
  connecting(config.command('confirm'))
    .description('keep a config that was applied with --confirm')
    .argument('[version]', 'by default the active one')
    .action((version: string | undefined, options: ConnectionOptions) =>
      configConfirm(version, options, io),
    )
  connecting(config.command('rollback'))
    .description('apply an earlier version again')
    .argument('[version]', 'by default the one before the active one')
    .action((version: string | undefined, options: ConnectionOptions) =>
      configRollback(version, options, io),
    )
  reading(config.command('show'))
    .description('print a config as it was written')
    .option('--version <version>', 'by default the active one')
    .action((options: ConfigShowOptions) => configShow(options, io))
  reading(config.command('history'))
    .description('list the versions that are kept')
    .action((options: ReadOptions) => configHistory(options, io))
  reading(config.command('diff'))
    .description('tell what makes one version another')
    .argument('[a]', 'by default the version before B; 0 is nothing')
    .argument('[b]', 'by default the active one')
    .action((a: string | undefined, b: string | undefined, options: ReadOptions) =>
      configDiff(a, b, options, io),
    )
}

function defineServer(server: Command): void {
  reading(server.command('list'))
    .description('list every server with its state')
    .action((options: ReadOptions) => serverList(options, io))
  connecting(server.command('set'))
    .description('set the admin state, the weight or the address of a server')
    .argument('<backend/name>', 'the server')
    .option('--state <state>', 'ready, drain (no new sessions) or maint (nor checks)')
    .option('--weight <weight>', '0 to 256; 0 takes no new sessions')
    .option('--address <address>', 'as in the config')
    .action((key: string, options: ServerSetOptions) => serverSet(key, options, io))
  connecting(server.command('add'))
    .description('add a server that the config does not name')
    .argument('<backend/name>', 'the server')
    .argument('<address>', 'as in the config')
    .option('--weight <weight>', '0 to 256, by default as default-server says')
    .action((key: string, address: string, options: ServerAddOptions) =>
      serverAdd(key, address, options, io),
    )
  connecting(server.command('remove'))
    .description('remove a server that was added at run time')
    .argument('<backend/name>', 'the server')
    .action((key: string, options: ConnectionOptions) => serverRemove(key, options, io))
}

function defineCluster(cluster: Command): void {
  connecting(cluster.command('status'))
    .description('show the nodes, as the asked one sees them')
    .action((options: ConnectionOptions) => clusterStatus(options, io))
  connecting(cluster.command('add'))
    .description('let a node join')
    .argument('<node>', 'its name')
    .argument('<address>', 'of its peer links, HOST:PORT')
    .action((name: string, address: string, options: ConnectionOptions) =>
      clusterAdd(name, address, options, io),
    )
  connecting(cluster.command('remove'))
    .description('take a node out, running or not')
    .argument('<node>', 'its name')
    .action((name: string, options: ConnectionOptions) => clusterRemove(name, options, io))
  connecting(cluster.command('transfer'))
    .description('hand the leadership over')
    .argument('<node>', 'the name of the one that is to lead')
    .action((name: string, options: ConnectionOptions) => clusterTransfer(name, options, io))
  cluster
    .command('recover')
    .description('make a stopped node the only one, after a majority is lost for good')
    .requiredOption('-f, --file <file>', 'the config file of the node')
    .option('--force', 'needed: what the others agreed on without this node is lost')
    .action(({ file, force = false }: FileOptions & { readonly force?: boolean }) =>
      recoverNode({ ...surroundings, file, isForced: force, print, tell }),
    )
}

try {
  await program().parseAsync(process.argv)
} catch (error) {
  process.exitCode = exitStatusOf(error)
}

/** What Commander says of a command line that it cannot read. */
function usageAsJson(text: string): string {
  const { code, message, hint } = new SluiceError('usage', text.trim().replace(/^error: /, ''))
  return `${JSON.stringify({ code, message, hint })}\n`
}

/** Says what went wrong, for an operator or as JSON, and which status it ends with. */
function exitStatusOf(error: unknown): number {
  // Commander has printed its own message; help and version are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE
  if (!(error instanceof SluiceError)) throw error
  const { code, message, hint } = error
  if (isJson) print(`${JSON.stringify({ code, message, hint })}\n`)
  else print(`sluice: ${message} (${code})\n${hint}\n`)
  return error.code === 'usage' ? USAGE : FAILED
}
