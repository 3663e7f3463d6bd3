import { SluiceError } from '../base/errors.ts'

/**
 * The number of a config version on the command line.
 *
 * @param what the option or argument that it is
 * @throws SluiceError `usage`
 */
export function versionIn(text: string, what: string, min: number): number {
  const version = /^\d{1,15}$/.test(text) ? Number(text) : -1
  if (version >= min) return version
  throw new SluiceError('usage', `${what} is the number of a version from ${min}, not ${text}`)
}
