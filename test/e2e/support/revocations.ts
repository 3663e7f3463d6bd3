import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Certificate } from '../../fixtures/certificates.ts'
import { runProgram } from './processes.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** An authority of OpenSSL that has revoked one of its certificates for `a.example`. */
export interface Revocations {
  /** Path of its own certificate. */
  readonly caFile: string
  /** Path of its list. */
  readonly crlFile: string
  readonly valid: Certificate
  readonly revoked: Certificate
}

/** Makes one, with OpenSSL's own commands. */
export async function makeRevocations(): Promise<Revocations> {
  const folder = temporaryFolder()
  const issue = (name: string, serial: number): string => `
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ${name}.key -out ${name}.csr -subj /CN=a.example
openssl x509 -req -in ${name}.csr -CA ca.pem -CAkey ca.key -set_serial ${serial} -days 9 -extfile names -out ${name}.pem`
  const script = `
set -e
cd ${folder}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 9 \\
  -subj /CN=Revoking -addext keyUsage=critical,keyCertSign,cRLSign
echo subjectAltName=DNS:a.example > names
${issue('valid', 11)}
${issue('revoked', 12)}
: > index.txt
echo 01 > crlnumber
printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index.txt\\ncrlnumber=crlnumber\\ndefault_md=sha256\\ndefault_crl_days=9\\n' > ca.cnf
openssl ca -config ca.cnf -keyfile ca.key -cert ca.pem -revoke revoked.pem
openssl ca -config ca.cnf -keyfile ca.key -cert ca.pem -gencrl -out crl.pem`
  const { code, stderr } = await runProgram('sh', ['-c', script])
  if (code !== 0) throw new Error(stderr)
  const read = (name: string): string => readFileSync(join(folder, name), 'latin1')
  const pair = (name: string): Certificate => ({
    cert: read(`${name}.pem`),
    key: read(`${name}.key`),
  })
  return {
    caFile: join(folder, 'ca.pem'),
    crlFile: join(folder, 'crl.pem'),
    valid: pair('valid'),
    revoked: pair('revoked'),
  }
}
