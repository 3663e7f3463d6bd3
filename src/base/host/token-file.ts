import { readFileSync } from 'node:fs'
import { SluiceError } from '../errors.ts'

/**
 * Reads a token from its file; white space around it does not count.
 *
 * @throws SluiceError `config-unreadable`; `token-invalid` for what no header could bring
 */
export function readTokenFile(path: string): string {
  let token: string
  try {
    token = readFileSync(path, 'utf8').trim()
  } catch (error) {
    throw new SluiceError('config-unreadable', `cannot read the token file ${path}`, error)
  }
  if (/^[!-~]+$/.test(token)) return token
  const what = token === '' ? 'is empty' : 'holds more than one word of printable ASCII'
  throw new SluiceError('token-invalid', `the token file ${path} ${what}`)
}
