import type { CliIo } from '../../../src/cli/daemon-connection.ts'

/** What a command wrote. */
export interface Output {
  readonly out: string
  readonly warnings: string
}

/** Runs a command and gives back what it wrote. */
export async function output(
  command: (io: CliIo) => Promise<void>,
  env: CliIo['env'] = {},
): Promise<Output> {
  const written = { out: '', warnings: '' }
  await command({
    env,
    write: (text) => {
      written.out += text
    },
    warn: (text) => {
      written.warnings += text
    },
  })
  return written
}
