import { freePort } from './ports.ts'
import { runProgram, startProcess } from './processes.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { untilListening } from './waiting.ts'

/** A Redis that keeps nothing. It is killed when the test is over. */
export interface Redis {
  /** `127.0.0.1:PORT`, for the config. */
  readonly address: string
  /** Runs one command with `redis-cli`; throws where it fails. */
  readonly command: (...words: readonly string[]) => Promise<void>
}

/** Starts redis-server on a free port. */
export async function startRedis(): Promise<Redis> {
  const port = await freePort()
  const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir']
  startProcess('redis-server', [...settings, temporaryFolder()], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  await untilListening(port)
  return {
    address: `127.0.0.1:${port}`,
    command: async (...words) => {
      const { stdout, stderr } = await runProgram('redis-cli', ['-p', `${port}`, ...words])
      if (!stdout.startsWith('OK'))
        throw new Error(`redis-cli ${words.join(' ')}: ${stdout}${stderr}`)
    },
  }
}
