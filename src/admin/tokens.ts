import { createHash, timingSafeEqual } from 'node:crypto'
import { SluiceError } from '../base/errors.ts'
import type { AdminLevel } from '../model/admin-level.ts'

/** Who asks, as far as it was proven. */
export interface Caller {
  /** Of the token in `admin.tokens`; null: that of `token-file`, or no token was needed. */
  readonly name: string | null
  readonly level: AdminLevel
}

/** A token and whom it stands for. Never to be logged. */
export interface AdminToken extends Caller {
  readonly token: string
}

/** The tokens that open the admin address (RFC 6750 section 2.1). */
export class AdminTokens {
  readonly #known: readonly { readonly digest: Buffer; readonly caller: Caller }[]

  /** @throws SluiceError `token-invalid` where two are the same: nobody could say who asks */
  constructor(tokens: readonly AdminToken[]) {
    this.#known = tokens.map(({ token, name, level }) => {
      return { digest: digestOf(token), caller: { name, level } }
    })
    const byDigest = new Map<string, Caller>()
    for (const { digest, caller } of this.#known) {
      const other = byDigest.get(digest.toString('hex'))
      if (other !== undefined) {
        const message = `the tokens ${titleOf(other)} and ${titleOf(caller)} are the same`
        throw new SluiceError('token-invalid', message)
      }
      byDigest.set(digest.toString('hex'), caller)
    }
  }

  /** There is none: nothing is open to anybody. */
  get isEmpty(): boolean {
    return this.#known.length === 0
  }

  /**
   * Whose token a request brings; null: it brings none of them. Takes the same time whatever is
   * wrong with it, and whosesoever it is.
   *
   * @param authorization value of the request's `Authorization` header
   */
  callerIn(authorization: string | undefined): Caller | null {
    const [, token = ''] = /^bearer +(\S+)$/i.exec(authorization ?? '') ?? []
    const digest = digestOf(token)
    let found: Caller | null = null
    for (const known of this.#known) {
      const isSame = timingSafeEqual(digest, known.digest)
      found = isSame ? known.caller : found
    }
    return found
  }
}

function titleOf({ name }: Caller): string {
  return name === null ? 'of token-file' : name
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
