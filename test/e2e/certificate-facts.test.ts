import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { type Certificate, createAuthority } from '../fixtures/certificates.ts'
import { startDaemon } from './support/daemon.ts'
import { startHaproxy } from './support/haproxy.ts'
import { type HttpServer, startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { runProgram } from './support/processes.ts'
import { requires } from './support/requirements.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { writePem } from './support/tls-server.ts'

const FIELDS = [
  'der,hex',
  'i_dn',
  'i_dn(cn)',
  'key_alg',
  'notafter',
  'notbefore',
  's_dn',
  's_dn(cn)',
]
const OTHERS = [
  'serial,hex',
  'sha1,hex',
  'sig_alg',
  'version',
  's_dn(ou)',
  's_dn(OU,2)',
  's_dn(ou,-1)',
]
const MORE = ['s_dn(ou,3)', 's_dn(1.2.3.4)', 's_dn(emailAddress)', 'sha1,base64', 'der,base64']

/** An expression each; of bytes HAProxy writes those that can stand in a header. */
const EXPRESSIONS = [
  ...['c', 'f'].flatMap((of) => [...FIELDS, ...OTHERS, ...MORE].map((name) => `ssl_${of}_${name}`)),
  'ssl_c_used',
  'ssl_c_verify',
  'ssl_fc_has_crt',
  'ssl_fc_protocol',
]

const RULES = EXPRESSIONS.map((expression, n) => `set-header X-${n} %[${expression}]`)
const authority = createAuthority()

/** Certificates of OpenSSL, whose names have all that names may have. */
async function clientCertificates(): Promise<Certificate[]> {
  const folder = temporaryFolder()
  const name = '/C=FR/O=Ex, Ltd+OU=one/OU=two/CN=Zoë Ü/emailAddress=z@a.example/1.2.3.4=odd'
  const kinds = [
    ['ec', '-newkey ec -pkeyopt ec_paramgen_curve:P-384 -sha384', '0x00ff01'],
    ['rsa', '-newkey rsa:2048 -sha256', '0x7f00000000000000000000000000000000000001'],
    ['ed', '-newkey ed25519', '1'],
  ] as const
  const script = kinds.map(([kind, words, serial]) => {
    const files = `-keyout ${kind}.key -out ${kind}.pem`
    return `openssl req -x509 ${words} -nodes -days 9 -utf8 -multivalue-rdn -set_serial ${serial} ${files} -subj '${name}'`
  })
  const run = await runProgram('sh', ['-ec', script.join('\n')], { cwd: folder })
  if (run.code !== 0) throw new Error(run.stderr)
  const read = (file: string): string => readFileSync(join(folder, file), 'latin1')
  return kinds.map(([kind]) => ({ cert: read(`${kind}.pem`), key: read(`${kind}.key`) }))
}

/** The headers that a server was told of a client, by expression. */
async function told(port: number, { requests }: HttpServer, shown: Certificate | null) {
  const asked = request({
    port,
    host: '127.0.0.1',
    servername: 'a.example',
    ca: authority.cert,
    agent: false,
    ...shown,
  })
  const done = new Promise((resolve, reject) => {
    asked.once('error', reject)
    asked.once('response', (response) => response.resume().once('end', resolve))
  })
  asked.end()
  await done
  const headers = requests.at(-1)?.headers ?? {}
  return EXPRESSIONS.map((expression, n) => `${expression}: ${headers[`x-${n}`] ?? ''}`)
}

it('tells servers of certificates, field by field what HAProxy tells', async () => {
  const shown = await clientCertificates()
  const caFile = writePem(shown.map(({ cert }) => cert).join(''))
  const { cert, key } = authority.issue({ names: ['a.example'] })
  const crt = writePem(cert + key)
  const [port, other] = [await freePort(), await freePort()]
  const [server, otherServer] = [await startHttpServer(), await startHttpServer()]
  await startDaemon({
    config: {
      global: { nbthread: 1 },
      defaults: { mode: 'http' },
      frontends: {
        web: {
          'bind': {
            address: `127.0.0.1:${port}`,
            ssl: { crt, 'ca-file': caFile, 'verify': 'optional' },
          },
          'http-request': RULES,
          'default_backend': 'app',
        },
      },
      backends: { app: { servers: { s1: server.address } } },
    },
  })
  await startHaproxy(
    `defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend web
  bind 127.0.0.1:${other} ssl crt ${crt} ca-file ${caFile} verify optional
${RULES.map((rule) => `  http-request ${rule}`).join('\n')}
  default_backend app
backend app
  server s1 ${otherServer.address}`,
    other,
  )
  for (const one of [null, ...shown]) {
    expect(await told(port, server, one)).toEqual(await told(other, otherServer, one))
  }
})

beforeEach(requires('haproxy', 'openssl'))
