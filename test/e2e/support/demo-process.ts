import type { ChildProcess } from 'node:child_process'

/** Resolves with what a demo prints, up to its banner, however long a busy machine takes for that. */
export function bannerOf({ stdout }: ChildProcess): Promise<string> {
  let output = ''
  return new Promise((resolve, reject) => {
    stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (output.includes('Ctrl-C')) resolve(output)
    })
    stdout?.on('end', () => reject(new Error(`it ended without a banner: ${output}`)))
  })
}
