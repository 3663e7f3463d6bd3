/** What OpenSSL may have against a certificate. */
interface VerificationError {
  /** `X509_V_ERR_...` of `openssl/x509_vfy.h`. */
  readonly number: number
  /** For people. */
  readonly description: string
}

const UNKNOWN_AUTHORITY = 'the certificate is of an unknown authority'
const UNREADABLE_LIST = 'a list of revoked certificates cannot be read'
const UNREADABLE_TIME = 'a certificate says no time that can be read'
const UNSIGNED = 'the signature of a certificate cannot be verified'
const FORBIDDEN = 'the certificate is not trusted'

/** By the names that node:tls has for them. */
const BY_NAME: ReadonlyMap<string, VerificationError> = new Map(
  (
    [
      [2, 'UNABLE_TO_GET_ISSUER_CERT', UNKNOWN_AUTHORITY],
      [3, 'UNABLE_TO_GET_CRL', 'there is no list of revoked certificates of its authority'],
      [4, 'UNABLE_TO_DECRYPT_CERT_SIGNATURE', UNSIGNED],
      [5, 'UNABLE_TO_DECRYPT_CRL_SIGNATURE', UNREADABLE_LIST],
      [6, 'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY', UNSIGNED],
      [7, 'CERT_SIGNATURE_FAILURE', UNSIGNED],
      [8, 'CRL_SIGNATURE_FAILURE', 'a list of revoked certificates is not signed by its authority'],
      [9, 'CERT_NOT_YET_VALID', 'the certificate is not valid yet'],
      [10, 'CERT_HAS_EXPIRED', 'the certificate has expired'],
      [11, 'CRL_NOT_YET_VALID', 'the list of revoked certificates is not valid yet'],
      [12, 'CRL_HAS_EXPIRED', 'the list of revoked certificates has expired'],
      [13, 'ERROR_IN_CERT_NOT_BEFORE_FIELD', UNREADABLE_TIME],
      [14, 'ERROR_IN_CERT_NOT_AFTER_FIELD', UNREADABLE_TIME],
      [15, 'ERROR_IN_CRL_LAST_UPDATE_FIELD', UNREADABLE_LIST],
      [16, 'ERROR_IN_CRL_NEXT_UPDATE_FIELD', UNREADABLE_LIST],
      [17, 'OUT_OF_MEM', 'there is no memory left to verify it'],
      [18, 'DEPTH_ZERO_SELF_SIGNED_CERT', 'the certificate is self-signed'],
      [19, 'SELF_SIGNED_CERT_IN_CHAIN', UNKNOWN_AUTHORITY],
      [20, 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', UNKNOWN_AUTHORITY],
      [21, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', UNKNOWN_AUTHORITY],
      [22, 'CERT_CHAIN_TOO_LONG', 'its chain is too long'],
      [23, 'CERT_REVOKED', 'the certificate is revoked'],
      [24, 'INVALID_CA', 'it was issued by a certificate that is no authority'],
      [25, 'PATH_LENGTH_EXCEEDED', 'its chain is longer than its authority allows'],
      [26, 'INVALID_PURPOSE', 'the certificate is not meant for this purpose'],
      [27, 'CERT_UNTRUSTED', FORBIDDEN],
      [28, 'CERT_REJECTED', FORBIDDEN],
    ] as const
  ).map(([number, name, description]) => [name, { number, description }]),
)

const DESCRIPTIONS: ReadonlyMap<number, string> = new Map(
  [...BY_NAME.values()].map(({ number, description }) => [number, description]),
)

/** `X509_V_ERR_UNSPECIFIED`: what node:tls has no name for. */
const UNSPECIFIED = 1

/** OpenSSL's number of what node:tls calls so. */
export function verificationNumber(name: string): number {
  return BY_NAME.get(name)?.number ?? UNSPECIFIED
}

/** For people, what is wrong with a certificate. @param verification OpenSSL's number */
export function describeVerification(verification: number): string {
  return DESCRIPTIONS.get(verification) ?? 'the certificate cannot be verified'
}

/** The same by the name that node:tls has; null: it is another kind of error. */
export function describeVerificationError(name: string): string | null {
  return BY_NAME.get(name)?.description ?? null
}
