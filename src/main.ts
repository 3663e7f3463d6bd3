import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { Command, CommanderError } from 'commander'
import type { ConnectionOptions } from './admin/cli-connection.ts'
import { serverList } from './admin/cli-server-list.ts'
import { type ServerSetOptions, serverSet } from './admin/cli-server-set.ts'
import { configJsonSchema } from './config/json-schema.ts'
import { SluiceError } from './errors.ts'
import { readConfigFile } from './supervisor/config-file.ts'
import { runDemo } from './supervisor/demo.ts'
import { readErrorAnswers } from './supervisor/error-answers.ts'
import { type RunningDaemon, run } from './supervisor/run.ts'

/** Exit statuses of every command. */
const FAILED = 1
const USAGE = 2

const surroundings = { env: process.env, cores: availableParallelism() }
const print = (text: string): void => void process.stderr.write(text)
const tell = (text: string): void => void process.stdout.write(text)

interface FileOptions {
  readonly file: string
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

async function check({ file }: FileOptions): Promise<void> {
  const { config, report } = await readConfigFile(file, surroundings)
  print(report)
  if (config === null) {
    process.exitCode = FAILED
    return
  }
  await readErrorAnswers(config)
  tell(`${file}: the config is valid\n`)
}

/** Gives a command the options of all that talk to a running node. */
function connecting(command: Command): Command {
  return command
    .option('--admin <url>', 'the admin address, by default SLUICE_ADMIN or http://127.0.0.1:8404')
    .option('--token-file <file>', 'a file with the bearer token')
    .option('--json', 'print JSON')
}

function program(): Command {
  const runOptions = { ...surroundings, version: version(), print, exit: process.exit }
  const sluice = new Command('sluice')
    .description('A clustered Layer-4/Layer-7 load balancer')
    .version(version())
    .exitOverride()
  sluice
    .command('run')
    .description('run a node on a config file until SIGTERM; SIGHUP reloads the file')
    .requiredOption('-f, --file <file>', 'the config file')
    .action(async ({ file }: FileOptions) => handleSignals(await run({ ...runOptions, file })))
  sluice
    .command('check')
    .description('check a config file; binds nothing')
    .requiredOption('-f, --file <file>', 'the config file')
    .action(check)
  sluice
    .command('demo')
    .description('run three sample servers and a balancer in front of them')
    .action(async () => handleSignals(await runDemo({ ...runOptions, tell })))
  sluice
    .command('schema')
    .description('print the JSON Schema of the config, for editors')
    .action(() => tell(`${JSON.stringify(configJsonSchema(), null, 2)}\n`))
  const server = sluice.command('server').description('the servers of a running node')
  const io = { env: process.env, write: tell }
  connecting(server.command('list'))
    .description('list every server with its state')
    .action((options: ConnectionOptions) => serverList(options, io))
  connecting(server.command('set'))
    .description('set the admin state or the weight of a server until the config drops it')
    .argument('<backend/name>', 'the server')
    .option('--state <state>', 'ready, drain (no new sessions) or maint (nor checks)')
    .option('--weight <weight>', '0 to 256; 0 takes no new sessions')
    .action((key: string, options: ServerSetOptions) => serverSet(key, options, io))
  return sluice
}

try {
  await program().parseAsync(process.argv)
} catch (error) {
  process.exitCode = exitStatusOf(error)
}

/** Says what went wrong, in one line for an operator, and which status it ends with. */
function exitStatusOf(error: unknown): number {
  // Commander has printed its own message; help and version are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE
  if (!(error instanceof SluiceError)) throw error
  print(`sluice: ${error.message} (${error.code})\n${error.hint}\n`)
  return error.code === 'usage' ? USAGE : FAILED
}
