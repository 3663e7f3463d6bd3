import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startProcess } from './processes.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { untilListening } from './waiting.ts'

/** An HAProxy of one process. It is killed when the test is over. */
export interface Haproxy {
  /** The lines that it has logged so far. */
  readonly accessLog: readonly string[]
}

/**
 * Starts HAProxy and waits until it listens.
 *
 * @param sections all but `global`, which sends `log global` to {@link Haproxy.accessLog}
 * @param port one on which it is to listen
 */
export async function startHaproxy(sections: string, port: number): Promise<Haproxy> {
  const file = join(temporaryFolder(), 'haproxy.cfg')
  writeFileSync(file, `global\n  log stdout format raw local0\n${sections}\n`)
  const child = startProcess('haproxy', ['-db', '-f', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (child.stdout === null) throw new Error('not started')
  const accessLog: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => accessLog.push(line))
  await untilListening(port)
  return { accessLog }
}
